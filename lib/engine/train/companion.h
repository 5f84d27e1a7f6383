#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "engine/context.h"
#include "engine/evaluator.h"
#include "engine/task.h"

namespace mlrun::engine {

/// Where the state of a checkpoint has what `Companion::save` put there.
constexpr const char* kSavedCompanion = "trainer.companion.";

/// Changes how the models compute while they are trained, and evaluates what they are trained to become (quantization-
/// aware training). A hook only watches; a companion takes part, so its state is a part of the training's.
class Companion : public data::Stateful {
 public:
  /// Takes part for as long as it lives.
  class Presence {
   public:
    virtual ~Presence() = default;
  };

  /// Called whenever training begins or goes on in `epoch` (counted from 0), with models in training mode.
  virtual std::unique_ptr<Presence> join(std::int64_t epoch) = 0;

  /// Stands before the names of its figures, as `int8_`.
  virtual std::string prefix() const = 0;

  /// The figures, without prefix, of what the weights in the models now become. `averaged`: they are an average of the
  /// training's weights. Leaves the models as they were, in evaluation mode.
  virtual metrics::Figures figures(data::Split split, const EvaluateOptions& options, bool averaged) = 0;

  /// What run.json keeps of it among the run's `choices`.
  virtual Json choices() const = 0;
};

/// The companion that a recipe asks for, null for none. Models have no weights yet.
using MakeCompanion =
    std::function<std::unique_ptr<Companion>(Task& task, const config::Recipe& recipe, const Context& context)>;

}  // namespace mlrun::engine
