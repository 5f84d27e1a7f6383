#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/mlrun/command.h"
#include "deploy/onnx/scores.h"
#include "engine/apply/apply_session.h"

namespace mlrun::apps {

/// The options of `eval` that say what else is wanted of an evaluation.
struct EvaluationOutputs {
  std::string confusion_csv, per_class_csv, predictions_csv, reliability;
  std::vector<std::string> csv;
  bool predictions = false;

  void declare(CLI::App& app);
  /// Whether samples are to be judged one by one.
  bool lists_samples() const { return predictions || !predictions_csv.empty(); }
  /// UserError where an option is not of its form.
  void check() const;
};

/// What was evaluated, for every kind of evaluation.
struct Evaluated {
  std::string data, weights;
  engine::Evaluation evaluation;
  engine::SampleList samples;
  std::vector<engine::Verdict> verdicts;
  std::string engine = "eager";
  std::optional<deploy::OnnxOutputs> outputs{};  ///< of an ONNX file
  bool of_file = false;                          ///< of results, whose name stands for weights
};

/// What is left to do with any evaluation: its files, the result, the exit code.
Result result_of(const EvaluationOutputs& outputs, const Evaluated& evaluated);

}  // namespace mlrun::apps
