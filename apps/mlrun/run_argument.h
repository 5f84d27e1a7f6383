#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/apply/apply_session.h"

namespace mlrun::apps {

/// A trained model as `eval` and `predict` take it: a run or one of its checkpoints, a weight file that
/// carries its recipe (as mlrun's do), or a recipe with a weight file. int8 and ONNX files are weights as well.
struct RunArgument {
  config::Resolved resolved;
  engine::WeightChoice weights;
  std::string engine = "eager";  ///< what runs the weights, as results show it
  /// Whether the weights can run on nothing else (int8, ONNX).
  bool brings_engine() const { return engine != "eager"; }
};

/// `first` is the operand; `choice` what --weights says (empty: best, else last). UserError where no
/// weights are to be found.
RunArgument open_run_argument(const std::string& first, const std::vector<config::Override>& overrides,
                              const std::string& choice);

}  // namespace mlrun::apps
