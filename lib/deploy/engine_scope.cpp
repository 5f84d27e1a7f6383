#include "deploy/engine_scope.h"

#include <algorithm>

#include "base/error.h"
#include "deploy/graph_door.h"

namespace mlrun::deploy {

/// The doors of one model, with its graph or those of its parts.
class EngineScope::Door {
 public:
  explicit Door(nn::Layer& model) {
    if (auto* parted = dynamic_cast<nn::InParts*>(&model)) {
      parts_ = std::make_unique<PartGraphs>(*parted);
      part_scope_ = std::make_unique<PartGraphs::Scope>(*parts_);
      return;
    }
    door_ = std::make_unique<GraphDoor>(model);
    scope_ = std::make_unique<nn::InterceptorScope>(model, *door_);
  }

  bool ran() const { return parts_ ? parts_->ran() : door_->ran(); }

 private:
  std::unique_ptr<GraphDoor> door_;
  std::unique_ptr<nn::InterceptorScope> scope_;
  std::unique_ptr<PartGraphs> parts_;
  std::unique_ptr<PartGraphs::Scope> part_scope_;
};

const std::vector<std::string>& inference_engines() {
  static const std::vector<std::string> engines = {"eager", "graph"};
  return engines;
}

std::string default_inference_engine() { return graph_available() ? "graph" : "eager"; }

EngineScope::EngineScope(const engine::Models& models, const std::string& engine) {
  const auto& known = inference_engines();
  if (std::find(known.begin(), known.end(), engine) == known.end()) {
    throw UserError("--engine: there is no '" + engine + "'", "choose eager or graph");
  }
  if (engine == "eager") return;
  if (!graph_available()) {
    throw UserError("--engine graph: mlrun was built without oneDNN", "use --engine eager, or build with libdnnl-dev");
  }
  for (const auto& model : models) doors_.push_back(std::make_unique<Door>(*model.second));
}

EngineScope::~EngineScope() = default;

std::string EngineScope::engine() const {
  const bool all = !doors_.empty() && std::all_of(doors_.begin(), doors_.end(), [](const auto& d) { return d->ran(); });
  return all ? "graph" : "eager";
}

}  // namespace mlrun::deploy
