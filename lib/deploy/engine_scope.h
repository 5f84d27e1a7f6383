#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/task.h"

namespace mlrun::deploy {

/// The engines that `eval` and `predict` can run a task's models on.
const std::vector<std::string>& inference_engines();
/// What `predict` takes unless told otherwise: `graph` where this build has it.
std::string default_inference_engine();

/// While it lives, the models run on `engine` wherever they are called in evaluation mode without gradients. A graph is
/// compiled at a model's first call, and the weights may not change from then on; a model that has none runs layer by
/// layer, which one line of the log tells. A model in parts (nn::InParts) has a graph for each part.
class EngineScope {
 public:
  /// `models` must outlive it. UserError for an engine that there is not.
  EngineScope(const engine::Models& models, const std::string& engine);
  ~EngineScope();
  EngineScope(const EngineScope&) = delete;
  EngineScope& operator=(const EngineScope&) = delete;

  /// What gave the numbers up to now: `graph` where every model ran as one, else `eager`.
  std::string engine() const;

 private:
  class Door;
  std::vector<std::unique_ptr<Door>> doors_;
};

}  // namespace mlrun::deploy
