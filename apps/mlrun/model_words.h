#pragma once

#include <string>
#include <vector>

#include "config/layers.h"

namespace CLI {
class App;
}

namespace mlrun::apps {

/// `PATH` or `--model NAME [model.key=value]...`: a file, or an architecture without a recipe.
class ModelWords {
 public:
  /// Adds the operands and `--model` to `app`; `operand` names the file for the help.
  ModelWords(CLI::App& app, const std::string& operand);

  const std::string& model() const { return model_; }
  /// The operand that is no override; empty where there is none. UserError for more than one, and
  /// for overrides without --model.
  std::string subject() const;
  std::vector<config::Override> overrides() const;

 private:
  std::vector<std::string> words_;
  std::string model_;
};

}  // namespace mlrun::apps
