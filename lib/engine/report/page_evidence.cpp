#include <numeric>

#include "engine/report/page.h"
#include "report/confusion_html.h"
#include "report/format.h"
#include "report/reliability.h"
#include "report/table.h"

namespace mlrun::engine {
namespace {

constexpr std::size_t kMostInHeatMap = 30;  // classes
constexpr std::size_t kMostPairs = 15;

const Json* detail(const Evaluation& evaluation, const char* name) {
  const auto found = evaluation.details.find(name);
  return found == evaluation.details.end() ? nullptr : &*found;
}

std::string pairs_table(const report::Confusion& confusion) {
  report::Table table(
      {{"true class", report::Align::Left}, {"taken for", report::Align::Left}, {"samples"}, {"share"}});
  for (const auto& pair : report::confused_pairs(confusion, kMostPairs)) {
    table.add({confusion.classes[pair.truth], confusion.classes[pair.predicted], report::grouped(pair.count),
               report::percent(pair.share)});
  }
  return table.rows() == 0 ? report::html_paragraph("No sample was taken for another class.") : table.html();
}

std::string confusion_section(const Evaluation& evaluation) {
  const Json* found = detail(evaluation, "confusion");
  if (found == nullptr) return "";
  const report::Confusion confusion = report::read_confusion(*found);
  const bool small = confusion.classes.size() <= kMostInHeatMap;
  const std::string pairs = "<div><h3>Most confused</h3>\n" + pairs_table(confusion) + "</div>\n";
  return report::html_side_by_side({small ? report::confusion_heat_map(confusion) : "", pairs});
}

std::string classes_section(const Evaluation& evaluation) {
  const Json* rows = detail(evaluation, "per_class");
  if (rows == nullptr) return "";
  report::Table table({{"class", report::Align::Left}, {"samples"}, {"correct"}, {"acc1"}});
  for (const Json& row : *rows) {
    const Json& acc1 = row.at("acc1");
    table.add({row.at("class").get<std::string>(), report::grouped(row.at("total").get<std::int64_t>()),
               report::grouped(row.at("correct").get<std::int64_t>()),
               acc1.is_number() ? report::fixed(acc1.get<double>(), 2) : "-"});
  }
  return table.html();
}

std::string evaluation_text(const Evidence& evidence) {
  const Evaluation& evaluation = *evidence.evaluation;
  std::string text = "Weights " + evidence.weights + " on the " + data::split_name(evaluation.split) +
                     " split: " + report::grouped(evaluation.evaluated) + " of " + report::grouped(evaluation.total) +
                     " samples.";
  if (!evaluation.skipped.empty()) {
    text += " " + report::grouped(evaluation.total - evaluation.evaluated) + " could not be read and are in no figure.";
  }
  return report::html_paragraph(text);
}

std::string counts_section(const Evidence& evidence) {
  std::vector<report::Column> columns = {{"class", report::Align::Left}};
  std::vector<std::string> totals = {"all"};
  for (const auto& split : evidence.counts) {
    columns.push_back({split.split, report::Align::Right});
    totals.push_back(report::grouped(std::accumulate(split.samples.begin(), split.samples.end(), std::int64_t{0})));
  }
  report::Table table(columns);
  for (std::size_t i = 0; i < evidence.data.classes.size(); ++i) {
    std::vector<std::string> row = {evidence.data.classes[i]};
    for (const auto& split : evidence.counts) row.push_back(report::grouped(split.samples[i]));
    table.add(std::move(row));
  }
  table.add(totals);
  return evidence.counts.empty() ? "" : table.html();
}

}  // namespace

std::string evidence_sections(const Evidence& evidence) {
  std::string html;
  for (const auto& sentence : evidence.missing) html += report::html_notice(sentence);
  if (!evidence.evaluation) return report::html_section("Evaluation", html);
  const Evaluation& evaluation = *evidence.evaluation;
  html += report::html_section("Confusion matrix", evaluation_text(evidence) + confusion_section(evaluation));
  std::string reliability;
  if (const Json* bins = detail(evaluation, "calibration")) {
    reliability = "<div>" +
                  report::reliability_svg(std::string("Reliability, ") + data::split_name(evaluation.split),
                                          report::read_reliability(*bins)) +
                  "</div>\n";
  }
  html += report::html_section("Classes", report::html_side_by_side({classes_section(evaluation), reliability}));
  if (!evidence.hardest.empty()) {
    html += report::html_section(
        "Worst mistakes",
        report::html_paragraph("The misclassified samples with the highest loss, as the network sees them; in brackets "
                               "the probability that it gives to its answer.") +
            report::html_thumbnails(evidence.hardest));
  }
  if (!evidence.training.empty()) {
    html += report::html_section(
        "Training samples", report::html_paragraph("As training sees them in its first epoch, augmentation included.") +
                                report::html_thumbnails(evidence.training));
  }
  html += report::html_section("Data", report::html_facts({{"name", evidence.data.name},
                                                           {"classes", std::to_string(evidence.data.classes.size())},
                                                           {"channels", std::to_string(evidence.data.channels)},
                                                           {"fingerprint", evidence.data.fingerprint}}) +
                                           counts_section(evidence));
  return html;
}

}  // namespace mlrun::engine
