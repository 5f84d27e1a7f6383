#include "deploy/graph/graph.h"

#include "base/log.h"
#include "nn/evaluation_scope.h"

namespace mlrun::deploy {

namespace {

std::string by_layers(const NoGraph& reason) {
  return "this model runs layer by layer, not as a graph: " + std::string(reason.what());
}

/// A model's graph for as long as it has one for all that comes.
class GraphOrLayers {
 public:
  GraphOrLayers(nn::Layer& model, const torch::Tensor& example) : model_(model), graph_(model, example) {}

  torch::Tensor operator()(const torch::Tensor& input) {
    try {
      if (!refused_) return graph_(input);
    } catch (const NoGraph& reason) {
      log::info(by_layers(reason));
      refused_ = true;
    }
    const torch::NoGradGuard no_gradients;
    return model_(input);
  }

 private:
  nn::Layer& model_;
  InferenceGraph graph_;
  bool refused_ = false;
};

}  // namespace

GraphRunner graph_runner(nn::Layer& model, const torch::Tensor& example) {
  try {
    const auto graph = std::make_shared<GraphOrLayers>(model, example);
    return {[graph](const torch::Tensor& input) { return (*graph)(input); }, "graph", ""};
  } catch (const NoGraph& refused) {
    log::info(by_layers(refused));
    const auto run = [&model](const torch::Tensor& input) {
      const torch::NoGradGuard no_gradients;
      return model(input);
    };
    return {run, "eager", refused.what()};
  }
}

}  // namespace mlrun::deploy
