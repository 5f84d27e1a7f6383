#include "apps/mlrun/model_words.h"

#include <CLI/CLI.hpp>

#include "apps/mlrun/arguments.h"
#include "base/error.h"

namespace mlrun::apps {

ModelWords::ModelWords(CLI::App& app, const std::string& operand) {
  app.add_option(
         operand, words_,
         "a run, a checkpoint or a weight file; with --model, options as model.num_classes=10 or model.weights=FILE")
      ->type_name("");
  app.add_option("--model", model_, "an architecture, as `mlrun list models` names it")->type_name("NAME");
}

std::string ModelWords::subject() const {
  std::string subject;
  for (const auto& word : words_) {
    if (is_override(word)) {
      if (model_.empty()) {
        throw UserError("'" + word + "' sets an option, but a run or a file keeps the recipe it was made with",
                        "leave it out, or add --model NAME");
      }
      continue;
    }
    if (!subject.empty()) throw UserError("more than one thing is named: " + subject + " and " + word, "name one");
    subject = word;
  }
  return subject;
}

std::vector<config::Override> ModelWords::overrides() const {
  std::vector<config::Override> found;
  for (const auto& word : words_) {
    if (is_override(word)) found.push_back(config::parse_override(word));
  }
  return found;
}

}  // namespace mlrun::apps
