#include "apps/mlrun/evaluated.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>
#include <utility>

#include "apps/mlrun/verdicts.h"
#include "base/files.h"
#include "config/words.h"
#include "report/exhibit.h"
#include "report/format.h"

namespace mlrun::apps {
namespace {

/// Where an exhibit of the evaluation is to be written.
struct Wanted {
  std::string option, name, file;
  bool picture = false;
};

std::string figures_text(const engine::Evaluation& evaluation) {
  std::ostringstream text;
  for (const auto& figure : evaluation.figures) {
    text << "  " << figure.name << "  " << report::value_text(figure);
    for (const auto& exhibit : evaluation.exhibits) {
      const auto* remark = std::get_if<report::Remark>(&exhibit.content);
      if (remark != nullptr && remark->figure == figure.name) text << "  (" << remark->text << ")";
    }
    text << "\n";
  }
  return text.str();
}

std::string result_text(const Evaluated& evaluated) {
  const engine::Evaluation& evaluation = evaluated.evaluation;
  std::ostringstream text;
  text << evaluated.data << " " << data::split_name(evaluation.split)
       << (evaluated.of_file ? ", results " : ", weights ") << evaluated.weights << ": "
       << report::grouped(evaluation.evaluated) << " of " << report::grouped(evaluation.total) << " samples in "
       << report::duration(evaluation.seconds)
       << (evaluation.skipped.empty() ? ""
                                      : ", " + report::grouped(evaluation.total - evaluation.evaluated) + " skipped")
       << "\n";
  if (evaluated.outputs && !evaluated.outputs->text().empty())
    text << "  outputs: " << evaluated.outputs->text() << "\n";
  text << figures_text(evaluation);
  for (const auto& exhibit : evaluation.exhibits) {
    if (const std::string shown = report::exhibit_text(exhibit); !shown.empty()) text << "\n" << shown;
  }
  text << verdict_text(evaluated.verdicts);
  return text.str();
}

Json result_json(const Evaluated& evaluated) {
  const engine::Evaluation& evaluation = evaluated.evaluation;
  Json skipped = Json::array();
  for (const auto& sample : evaluation.skipped) skipped.push_back(sample.id);
  Json verdicts = Json::array();
  for (const auto& verdict : evaluated.verdicts) verdicts.push_back(engine::to_json(verdict));
  Json json = {{"split", data::split_name(evaluation.split)},
               {"weights", evaluated.weights},
               {"engine", evaluated.engine},
               {"samples", {{"total", evaluation.total}, {"evaluated", evaluation.evaluated}, {"skipped", skipped}}},
               {"metrics", report::values_json(evaluation.figures)},
               {"per_class", Json::array()},  // scripts find it, whatever the task
               {"expect", verdicts}};
  if (evaluated.outputs) json["outputs"] = evaluated.outputs->json();
  json.update(evaluation.details);
  return json;
}

/// The files that the options ask for; `--csv NAME=FILE` names any table.
std::vector<Wanted> wanted_files(const EvaluationOutputs& outputs) {
  std::vector<Wanted> files;
  for (const auto& text : outputs.csv) {
    const auto at = text.find('=');
    if (at == 0 || at == std::string::npos || at + 1 == text.size())
      throw UserError("--csv: '" + text + "' is not of the form NAME=FILE", "write --csv confusion=matrix.csv");
    files.push_back({"--csv", text.substr(0, at), text.substr(at + 1)});
  }
  files.push_back({"--confusion-csv", "confusion", outputs.confusion_csv});
  files.push_back({"--per-class-csv", "per_class", outputs.per_class_csv});
  files.push_back({"--reliability", "calibration", outputs.reliability, /*picture=*/true});
  files.erase(std::remove_if(files.begin(), files.end(), [](const Wanted& file) { return file.file.empty(); }),
              files.end());
  return files;
}

/// What `wanted` asks for, as the text of a file. UserError where the task has none of that name.
std::string content_of(const Wanted& wanted, const Evaluated& evaluated) {
  std::vector<std::string> names;
  for (report::Exhibit exhibit : evaluated.evaluation.exhibits) {
    exhibit.title =
        evaluated.data + " " + data::split_name(evaluated.evaluation.split) + ", weights " + evaluated.weights;
    const std::string text = wanted.picture ? report::exhibit_svg(exhibit) : report::exhibit_csv(exhibit);
    if (exhibit.name == wanted.name && !text.empty()) return text;
    if (!text.empty()) names.push_back(exhibit.name);
  }
  const bool choice = wanted.option == "--csv" && !names.empty();
  throw UserError(
      wanted.option + ": this task has no " + (wanted.picture ? "picture" : "table") + " '" + wanted.name + "'",
      choice ? "choose " + config::any_of(names) : "leave it out");
}

void write_tables(const EvaluationOutputs& outputs, const Evaluated& evaluated) {
  std::vector<std::pair<std::string, std::string>> files;  // all are known before the first is written
  for (const Wanted& wanted : wanted_files(outputs)) files.emplace_back(wanted.file, content_of(wanted, evaluated));
  if (!outputs.predictions_csv.empty()) {
    files.emplace_back(outputs.predictions_csv, evaluated.samples.table().csv());
  }
  for (const auto& [file, content] : files) write_file(file, content);
}

}  // namespace

void EvaluationOutputs::check() const { wanted_files(*this); }

void EvaluationOutputs::declare(CLI::App& app) {
  app.add_option("--confusion-csv", confusion_csv, "write the confusion matrix here")->type_name("FILE");
  app.add_option("--per-class-csv", per_class_csv, "write the accuracy of each class here")->type_name("FILE");
  app.add_option("--csv", csv, "write a table of the evaluation, as confusion or per_class, to a file")
      ->type_name("NAME=FILE");
  app.add_option("--predictions-csv", predictions_csv,
                 "write every sample with what is true and what is predicted here: the mistakes by name")
      ->type_name("FILE");
  app.add_flag("--predictions", predictions, "list the same in the result, of --json too");
  app.add_option("--reliability", reliability, "write a reliability diagram here, as SVG")->type_name("FILE");
}

Result result_of(const EvaluationOutputs& outputs, const Evaluated& evaluated) {
  write_tables(outputs, evaluated);
  Result result;
  result.json = result_json(evaluated);
  result.text = result_text(evaluated);
  if (outputs.predictions) {
    result.json["predictions"] = evaluated.samples.json();
    result.text += "\n" + evaluated.samples.table().text();
  }
  if (engine::unmet(evaluated.verdicts)) result.code = ExitCode::Unmet;
  if (!evaluated.evaluation.spoilt.empty()) {
    result.code = ExitCode::User;
    result.problems.push_back({"", 0, 0, "", engine::spoilt_text(evaluated.evaluation),
                               "look at these samples and at data.preprocess, or take other weights"});
  }
  return result;
}

}  // namespace mlrun::apps
