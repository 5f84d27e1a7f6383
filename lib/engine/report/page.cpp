#include "engine/report/page.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include "base/version.h"
#include "report/chart.h"
#include "report/curves.h"
#include "report/format.h"
#include "report/html.h"
#include "report/markup.h"

namespace mlrun::engine {
namespace {

std::string text_in(const Json& json, const char* name) {
  const auto found = json.find(name);
  if (found == json.end() || found->is_null()) return "";
  return found->is_string() ? found->get<std::string>() : json_text(*found);
}

/// `text` with the data's folder by its name alone: a page is given away.
std::string without_folders(std::string text, const RunRecord& run) {
  const Json recipe = run.info.value("recipe", Json::object());
  const std::string root = recipe.is_object() ? text_in(recipe.value("data", Json::object()), "root") : "";
  const std::string folder = root.substr(0, root.rfind('/') + 1);
  if (folder.size() < 2) return text;
  for (auto at = text.find(root); at != std::string::npos; at = text.find(root, at)) text.erase(at, folder.size());
  return text;
}

/// A command with the last part alone of each absolute path in it.
std::string command_text(const std::string& command) {
  std::istringstream words(command);
  std::string text;
  for (std::string word; words >> word;) {
    const std::size_t path = word[0] == '/' ? 0 : word.find("=/") + 1;
    if (path != 0 || word[0] == '/') word.erase(path, word.rfind('/') + 1 - path);
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

std::string key_text(const RunRecord& run, const std::string& key) {
  const auto found = run.keys.find(key);
  if (found == run.keys.end()) return "";
  return found->second.is_string() ? found->second.get<std::string>() : json_text(found->second);
}

std::string headline(const RunRecord& run) {
  const RunSummary& it = run.summary;
  std::string html = "<h1>" + report::escaped_markup(it.path.string()) + "</h1>\n<p>" + report::html_badge(it.state) +
                     " <span class=\"soft\">" +
                     report::escaped_markup(key_text(run, "task.name") + " with " + key_text(run, "model.name") +
                                            " on " + text_in(run.info.value("data", Json::object()), "name")) +
                     "</span></p>\n";
  if (!it.error.empty()) html += report::html_notice("This run failed: " + without_folders(it.error, run));
  if (!run.finished()) {
    html += report::html_notice(
        "This run is not finished: it stands at " + std::string(it.length.empty() ? "epoch " : "") +
        it.progress(" of ") +
        (it.length.empty() ? ". Its figures are those of the epochs so far." : ". Its figures are those so far."));
  }
  return html;
}

std::string cards(const RunRecord& run) {
  const auto& best = run.summary.best;
  const std::string metric = best ? best->figure.name : "";
  std::vector<report::Card> list;
  for (const auto& figure : main_figures(run.figures, metric)) {
    list.push_back({figure.name, report::value_text(figure), figure.name == metric ? "chose the best weights" : ""});
  }
  if (list.empty() && best) list.push_back({metric, report::value_text(best->figure), "best so far"});
  list.push_back({run.summary.length.empty() ? "epochs" : "length", run.summary.progress(" of "), ""});
  if (run.train_time) list.push_back({"time in training", report::duration(*run.train_time), ""});
  return report::html_cards(list);
}

std::string verdict_rows(const RunRecord& run) {
  const Json result = run.info.value("result", Json::object());
  const Json list = result.is_object() ? result.value("expect", Json::array()) : Json::array();
  std::string rows;
  for (const Json& entry : list) {
    if (!entry.is_object()) continue;
    const auto number = [&entry](const char* name) {
      const Json value = entry.value(name, Json());
      return value.is_number() ? report::shortest(value.get<double>()) : std::string("-");
    };
    const Json measured = entry.value("measured", Json());
    const std::string metric = text_in(entry, "metric");
    const report::Figure* figure = run.find(metric);
    const int digits = (figure == nullptr ? report::Figure().digits : figure->digits) + 1;
    const std::string direction = entry.value("direction", "both");
    const std::string sign = direction == "at_least" ? "≥ " : direction == "at_most" ? "≤ " : "";
    const std::string reason = text_in(entry, "reason");
    rows += "<tr><td>" + report::html_badge(text_in(entry, "verdict")) + "</td><td>" + report::escaped_markup(metric) +
            "</td><td class=\"r\">" + sign + number("expected") + "</td><td class=\"r\">" + number("tolerance") +
            "</td><td class=\"r\">" + (measured.is_number() ? report::fixed(measured.get<double>(), digits) : "-") +
            "</td><td>" +
            report::escaped_markup(text_in(entry, "source") + (reason.empty() ? "" : " (" + reason + ")")) +
            "</td></tr>\n";
  }
  if (rows.empty()) return "";
  return "<div class=\"wide\"><table>\n<thead><tr><th>verdict</th><th>metric</th><th class=\"r\">expected</th><th "
         "class=\"r\">tolerance</th><th class=\"r\">measured</th><th>source</th></tr></thead>\n<tbody>\n" +
         rows + "</tbody>\n</table></div>\n";
}

/// Figures in rows, splits and weights in columns.
std::string figures_table(const RunRecord& run) {
  std::vector<std::string> figures, places;
  const auto add = [](std::vector<std::string>& list, const std::string& item) {
    if (std::find(list.begin(), list.end(), item) == list.end()) list.push_back(item);
  };
  const auto place_of = [](const std::string& name) { return name.substr(0, name.size() - bare_figure(name).size()); };
  for (const auto& figure : run.figures) {
    add(figures, bare_figure(figure.name));
    add(places, place_of(figure.name));
  }
  std::vector<report::Column> columns = {{"figure", report::Align::Left}};
  for (const auto& place : places) {  // `val/ema_` becomes `val ema`
    std::string title = place.substr(0, place.size() - 1);
    std::replace(title.begin(), title.end(), '/', ' ');
    columns.push_back({title, report::Align::Right});
  }
  report::Table table(columns);
  for (const auto& figure : figures) {
    std::vector<std::string> row = {figure};
    for (const auto& place : places) {
      const report::Figure* found = run.find(place + figure);
      row.push_back(found == nullptr ? "-" : report::value_text(*found));
    }
    table.add(std::move(row));
  }
  return figures.empty() ? "" : table.html();
}

/// Where the best weights stand among the rows; nothing where none is of their step.
std::vector<report::NamedPlace> best_place(const std::vector<Json>& rows, const std::optional<Best>& best) {
  if (!best) return {};
  for (const Json& row : rows) {
    if (row.value("step", Json()) == Json(best->step)) return {{row.at("epoch").get<double>(), "best"}};
  }
  return {};
}

/// One chart for each figure, with a line for each split and the average.
std::vector<std::string> figure_charts(const std::vector<Json>& rows, const std::optional<Best>& best) {
  std::vector<report::LineChart> charts;
  for (const auto& name : report::figure_names(rows)) {
    if (name.rfind("train/", 0) != 0 && name.rfind("val/", 0) != 0) continue;
    const std::string bare = bare_figure(name);
    auto chart = std::find_if(charts.begin(), charts.end(), [&bare](const auto& it) { return it.title == bare; });
    if (chart == charts.end()) chart = charts.insert(chart, report::LineChart{bare, "epoch", bare, false, {}});
    chart->series.push_back(report::curve(rows, name));
    chart->series.back().dashed = is_averaged(name);
  }
  std::vector<std::string> drawn;
  for (auto& chart : charts) {
    chart.places = best_place(rows, best);
    drawn.push_back(report::svg(chart));
  }
  return drawn;
}

std::string course_chart(const std::vector<Json>& rows, const std::string& name, const std::string& title, bool log_y) {
  report::Series series = report::curve(rows, name);
  series.name.clear();
  if (series.x.size() < 2) return "";
  return report::svg({title, "epoch", title, log_y, {series}});
}

/// The learning rate, of each model where rows tell them apart.
std::string rate_chart(const std::vector<Json>& rows, const std::string& name) {
  report::LineChart chart{"learning rate", "epoch", "learning rate", false, {}};
  for (const auto& figure : report::figure_names(rows)) {
    if (figure.rfind(name + "/", 0) != 0) continue;
    chart.series.push_back(report::curve(rows, figure));
    chart.series.back().name = figure.substr(name.size() + 1);
  }
  if (chart.series.empty()) return course_chart(rows, name, "learning rate", false);
  return chart.series.front().x.size() < 2 ? "" : report::svg(chart);
}

std::string curves_section(const RunSummary& run) {
  const auto rows = report::read_metric_rows(run.path);
  if (rows.empty()) return report::html_notice("The run has recorded no figures yet.");
  std::vector<std::string> charts = figure_charts(rows, run.best);
  const std::string stepwise = rate_chart(rows, "step/lr");
  charts.push_back(stepwise.empty() ? rate_chart(rows, "lr") : stepwise);
  charts.push_back(course_chart(rows, "step/grad_norm", "gradient norm", true));
  return report::html_side_by_side(charts);
}

std::string provenance_facts(const RunRecord& run) {
  std::vector<std::pair<std::string, std::string>> facts;
  for (const auto& [name, title] :
       std::initializer_list<std::pair<const char*, const char*>>{{"version", "mlrun"},
                                                                  {"commit", "commit"},
                                                                  {"libtorch", "LibTorch"},
                                                                  {"command", "command"},
                                                                  {"host", "host"},
                                                                  {"device", "device"},
                                                                  {"threads", "compute threads"},
                                                                  {"workers", "loading threads"},
                                                                  {"seed", "seed"},
                                                                  {"started", "started"},
                                                                  {"finished", "finished"},
                                                                  {"choices", "measured choices"}}) {
    std::string text = text_in(run.info, name);
    if (name == std::string("command")) text = command_text(text);
    if (text != "{}") facts.emplace_back(title, text);
  }
  const Json data = run.info.value("data", Json::object());
  facts.emplace_back("data", text_in(data, "name"));
  facts.emplace_back("data fingerprint", text_in(data, "fingerprint"));
  return report::html_facts(facts);
}

/// What differs between what the run recorded and what its weights give now.
std::string disagreement(const RunRecord& run, const Evidence& evidence) {
  std::string html;
  const std::string recorded = text_in(run.info.value("data", Json::object()), "fingerprint");
  if (!evidence.fingerprint.empty() && evidence.fingerprint != recorded) {
    html += report::html_notice(
        "The data have changed since this run was trained: what follows is true of the data as "
        "they are now.");
  }
  if (!evidence.evaluation || !run.finished()) return html;
  const std::string split = std::string(data::split_name(evidence.evaluation->split)) + "/";
  for (const auto& now : report::prefixed(split, evidence.evaluation->figures)) {
    const report::Figure* before = run.find(now.name);
    if (before == nullptr) continue;
    if (std::abs(before->value - now.value) <= 1e-4 * std::max(1.0, std::abs(now.value))) continue;
    html += report::html_notice(now.name + " is " + report::value_text(now) + " now, where the run recorded " +
                                report::value_text(*before) + ".");
  }
  return html;
}

}  // namespace

std::string page_footer() { return "<footer>Written by mlrun " + report::escaped_markup(kVersion) + ".</footer>\n"; }

std::string table_section(const ComparedTable& table) {
  std::string html = published_table(table).html();
  for (const auto& note : published_notes(table)) html += report::html_paragraph(note + ".");
  if (table.file.source) html += "<p class=\"soft\">Source: " + report::escaped_markup(*table.file.source) + "</p>\n";
  return report::html_section(table.file.title, html);
}

std::string table_page(const ComparedTable& table) {
  return report::html_page(table.file.title, table_section(table) + page_footer());
}

std::string run_page(const RunRecord& run, const Evidence& evidence, const std::string& recipe,
                     const ComparedTable* table) {
  std::string body = headline(run) + cards(run) + verdict_rows(run);
  if (table != nullptr) body += table_section(*table);
  body += report::html_section("Training", curves_section(run.summary));
  body += report::html_section("Figures of the best weights", figures_table(run) + disagreement(run, evidence));
  Evidence shown = evidence;
  for (auto& sentence : shown.missing) sentence = without_folders(sentence, run);
  body += evidence_sections(shown);
  body += report::html_section("Where it was made", provenance_facts(run));
  body += report::html_section("Recipe", report::html_folded("Every option of this run", recipe));
  return report::html_page(run.summary.path.filename().string() + " - mlrun", body + page_footer());
}

}  // namespace mlrun::engine
