#include <CLI/CLI.hpp>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "base/files.h"
#include "base/log.h"
#include "engine/report/page.h"
#include "recipes/registry.h"
#include "report/format.h"

namespace mlrun::apps {
namespace {

struct ReportArguments {
  std::vector<std::string> folders;
  engine::RankingRequest ranking;
  std::string table, out, html;
  std::vector<std::string> bench;
  bool csv = false, markdown = false, evaluate = true;
};

/// What there is to tell: a ranking, a published table, or both.
struct Report {
  std::vector<engine::RunRecord> runs;
  std::optional<engine::Ranking> ranking;
  std::optional<engine::ComparedTable> table;
};

std::string rendered(const ReportArguments& arguments, const report::Table& table) {
  return arguments.csv ? table.csv() : arguments.markdown ? table.markdown() : table.text();
}

std::string table_text(const ReportArguments& arguments, const engine::ComparedTable& table) {
  const report::Table rows = engine::published_table(table);
  if (arguments.csv) return rows.csv();
  std::string text = table.file.title + "\n\n" + rendered(arguments, rows);
  for (const auto& note : engine::published_notes(table)) text += "\n" + note;
  if (table.file.source) text += "\nSource: " + *table.file.source;
  return text + "\n";
}

std::string ranking_text(const ReportArguments& arguments, const engine::Ranking& ranking) {
  if (arguments.csv) return engine::ranking_csv(ranking).csv();
  std::string text = rendered(arguments, engine::ranking_table(ranking, false));
  if (engine::has_unfinished(ranking)) {
    text += "\nNot finished, and in no mean:\n\n" + rendered(arguments, engine::unfinished_table(ranking));
  }
  return text;
}

std::string report_text(const ReportArguments& arguments, const Report& report) {
  if (report.table && (arguments.csv || !report.ranking)) return table_text(arguments, *report.table);
  const std::string ranking = ranking_text(arguments, *report.ranking);
  return report.table ? table_text(arguments, *report.table) + "\n" + ranking : ranking;
}

std::string page(const ReportArguments& arguments, const Report& report, bool progress) {
  const engine::ComparedTable* table = report.table ? &*report.table : nullptr;
  if (!report.ranking) return engine::table_page(*table);
  if (report.runs.size() > 1) return engine::runs_page(report.runs, *report.ranking, table);
  const engine::RunRecord& run = report.runs.front();
  const auto file = run.summary.path / "recipe.yaml";
  if (!run.summary.readable()) throw file_error(run.summary.path.string(), run.summary.error);
  const auto resolved = config::resolve({file, {}, recipe_folders(), /*recorded=*/true}, recipes::catalogue());
  engine::Evidence evidence;
  if (arguments.evaluate) {
    evidence = engine::gather_evidence(recipes::tasks(), resolved, run.summary.path, progress);
  } else {
    evidence.missing = {"Nothing was evaluated anew, as --no-eval asks."};
  }
  return engine::run_page(run, evidence, config::portable_yaml(resolved), table);
}

void warn(const Report& report) {
  if (!report.ranking) return;
  std::string alike, keys;
  for (const auto& key : report.ranking->alike) alike += (alike.empty() ? "" : ", ") + key;
  if (!alike.empty()) log::info("the rows also differ, just as in the keys shown, in " + alike);
  for (const auto& key : report.ranking->mixed) keys += (keys.empty() ? "" : ", ") + key;
  if (!keys.empty()) {
    log::warning("runs of one row also differ in " + keys + "; name these in --by, or in --over to mean it");
  }
}

Report gather(const ReportArguments& arguments) {
  if (!arguments.bench.empty() && arguments.table.empty()) {
    throw UserError("--bench fills a column of a published table", "add --table TABLE");
  }
  if (arguments.folders.empty() && arguments.table.empty()) {
    throw UserError("no runs are named", "name folders that hold runs, or a published table with --table");
  }
  Report report;
  if (!arguments.folders.empty()) {
    report.runs = engine::read_runs({arguments.folders.begin(), arguments.folders.end()});
    report.ranking = engine::rank(report.runs, arguments.ranking);
  }
  if (arguments.table.empty()) return report;
  const auto file = engine::find_table(arguments.table, recipe_folders());
  const auto published = engine::read_table(file, recipe_folders(), recipes::catalogue());
  report.table = engine::compare_table(published, report.runs);
  if (!arguments.bench.empty()) {
    std::vector<engine::MeasuredLatency> measured;
    for (const auto& bench : arguments.bench) {
      const auto rows = engine::read_bench(bench);
      measured.insert(measured.end(), rows.begin(), rows.end());
    }
    report.table->latency = engine::compare_latency(published, measured);
  }
  return report;
}

Result run_report(const ReportArguments& arguments, const OutputOptions& output) {
  const Report report = gather(arguments);
  warn(report);
  Result result;
  result.json = report.ranking ? engine::to_json(*report.ranking) : Json::object();
  if (report.table) {
    result.json["table"] = engine::to_json(*report.table);
    if (engine::unmet(*report.table)) result.code = ExitCode::Unmet;
  }
  if (!arguments.html.empty()) write_file(arguments.html, page(arguments, report, !output.quiet));
  const std::string text = report_text(arguments, report);
  result.data = arguments.csv;
  if (arguments.out.empty()) result.text = text;
  else write_file(arguments.out, output.json ? json_text(result.json, 2) + "\n" : text);
  return result;
}

}  // namespace

Command add_report(CLI::App& root) {
  CLI::App* app = root.add_subcommand("report", "Compare runs over seeds and with published tables; write a page");
  const auto arguments = std::make_shared<ReportArguments>();
  app->add_option("DIR", arguments->folders, "runs, or folders that hold them");
  app->add_option("--by", arguments->ranking.by,
                  "recipe keys that tell rows apart (default: those in which the runs differ)")
      ->delimiter(',')
      ->type_name("KEY,KEY");
  app->add_option("--over", arguments->ranking.over, "recipe keys that are averaged over (default: train.seed)")
      ->delimiter(',')
      ->type_name("KEY,KEY");
  app->add_option("--metric", arguments->ranking.metric,
                  "figure that ranks, as test/acc1 (default: the one that chose the best weights)")
      ->type_name("METRIC");
  app->add_option("--table", arguments->table, "hold runs against a published table: a YAML file, or a shipped one")
      ->type_name("TABLE");
  app->add_option("--bench", arguments->bench,
                  "what `mlrun bench --json` printed: its times beside the table's; again for more of them")
      ->allow_extra_args(false)
      ->type_name("FILE");
  CLI::Option* csv = app->add_flag("--csv", arguments->csv, "print CSV, with every figure");
  app->add_flag("--markdown", arguments->markdown, "print Markdown")->excludes(csv);
  app->add_option("-o,--out", arguments->out, "write it here instead of to stdout")->type_name("FILE");
  app->add_option("--html", arguments->html, "write one page that stands alone: of one run, or of several")
      ->type_name("FILE");
  app->add_flag("!--no-eval", arguments->evaluate, "the page of one run: show what it recorded, and evaluate nothing");
  return {app, [arguments](const OutputOptions& output) { return run_report(*arguments, output); }};
}

}  // namespace mlrun::apps
