#include "engine/report/page.h"
#include "report/format.h"
#include "report/markup.h"

namespace mlrun::engine {
namespace {

std::string evaluation_text(const Evidence& evidence) {
  const Evaluation& evaluation = *evidence.evaluation;
  std::string text = (evidence.of_file ? "Results of " : "Weights ") + evidence.weights + " on the " +
                     data::split_name(evaluation.split) + " split: " + report::grouped(evaluation.evaluated) + " of " +
                     report::grouped(evaluation.total) + " samples.";
  if (!evaluation.skipped.empty()) {
    text += " " + report::grouped(evaluation.total - evaluation.evaluated) + " could not be read and are in no figure.";
  }
  return report::html_paragraph(text);
}

}  // namespace

std::string evidence_sections(const Evidence& evidence) {
  std::string html;
  for (const auto& sentence : evidence.missing) html += report::html_notice(sentence);
  if (!evidence.evaluation) return report::html_section("Evaluation", html);
  std::string first = evaluation_text(evidence);
  for (const auto& section : evidence.findings) {
    html += report::html_section(section.title, report::section_body(section, first));
    first.clear();
  }
  if (!evidence.training.empty()) {
    const report::Section training = {
        "", "As training sees them in its first epoch, augmentation included.", {{"training", "", evidence.training}}};
    html += report::html_section("Training samples", report::section_body(training));
  }
  const report::Section data = {"", "", evidence.data_exhibits};
  return html + report::html_section("Data", report::section_body(data, report::html_facts(evidence.data_facts)));
}

std::string evaluation_page(const Evidence& evidence) {
  report::Table figures({{"figure", report::Align::Left}, {"value", report::Align::Right}});
  if (evidence.evaluation) {
    for (const auto& figure : evidence.evaluation->figures) figures.add({figure.name, report::value_text(figure)});
  }
  const std::string title = "Evaluation of " + evidence.weights;
  return report::html_page(title + " - mlrun", "<h1>" + report::escaped_markup(title) + "</h1>\n" +
                                                   report::html_section("Figures", figures.html()) +
                                                   evidence_sections(evidence) + page_footer());
}

}  // namespace mlrun::engine
