#include "deploy/engine_scope.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "base/log.h"
#include "deploy/graph/graph.h"
#include "nn/tensors.h"

namespace mlrun::deploy {

/// Stands at a model's door and lets its graph answer.
class EngineScope::Door : public nn::Interceptor {
 public:
  explicit Door(nn::Layer& model) : model_(model), scope_(model, *this) {}

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    const bool mine = &layer == &model_ && !within_ && !refused_ && !layer.is_training() &&
                      !torch::GradMode::is_enabled() && !nn::on_meta(inputs);
    if (!mine) return proceed(inputs);
    if (inputs.size() != 1) {
      refuse("it takes " + std::to_string(inputs.size()) + " inputs");
      return proceed(inputs);
    }
    within_ = true;  // compiling runs the model, and a graph may run layers of it
    const auto output = run(inputs.front());
    within_ = false;
    return output ? nn::Tensors{*output} : proceed(inputs);
  }

  bool ran() const { return graph_ && !refused_; }

 private:
  void refuse(const std::string& reason) {
    log::info("this model runs layer by layer, not as a graph: " + reason);
    refused_ = true;
  }

  std::optional<torch::Tensor> run(const torch::Tensor& input) {
    try {
      if (!graph_) graph_ = std::make_unique<InferenceGraph>(model_, input);
      return (*graph_)(input);
    } catch (const NoGraph& reason) {
      refuse(reason.what());
      return std::nullopt;
    } catch (...) {
      within_ = false;
      throw;
    }
  }

  nn::Layer& model_;
  std::unique_ptr<InferenceGraph> graph_;
  bool within_ = false, refused_ = false;
  nn::InterceptorScope scope_;
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
