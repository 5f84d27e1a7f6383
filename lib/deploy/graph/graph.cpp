#include "deploy/graph/graph.h"

#include "base/log.h"
#include "nn/evaluation_scope.h"

namespace mlrun::deploy {

GraphRunner graph_runner(nn::Layer& model, const torch::Tensor& example) {
  try {
    const auto graph = std::make_shared<InferenceGraph>(model, example);
    return {[graph](const torch::Tensor& input) { return (*graph)(input); }, "graph", ""};
  } catch (const NoGraph& refused) {
    log::info("this model runs layer by layer, not as a graph: " + std::string(refused.what()));
    const auto run = [&model](const torch::Tensor& input) {
      const torch::NoGradGuard no_gradients;
      return model(input);
    };
    return {run, "eager", refused.what()};
  }
}

}  // namespace mlrun::deploy
