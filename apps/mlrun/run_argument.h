#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
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

/// True of an error that says that there are no data where the recipe has them.
bool misses_data(const UserError& error);
/// Such an error with a hint that repeats the command, as `eval runs/a`, and names another place.
UserError with_new_place(const UserError& error, const std::string& command);

/// What `action` gives. Where it finds no data, the error tells how to say where they have moved to.
template <class Action>
auto naming_moved_data(const std::string& command, Action action) {
  try {
    return action();
  } catch (const UserError& error) {
    if (!misses_data(error)) throw;
    throw with_new_place(error, command);
  }
}

}  // namespace mlrun::apps
