#include "deploy/graph/graph.h"

#include <set>

#include "deploy/graph/plan.h"
#include "models/registry.h"
#include "nn/evaluation_scope.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::deploy;

namespace {

constexpr double kTolerance = 1e-4;  // of the largest output

/// A model whose batch norms have statistics of their own: what folds must not be the identity.
std::shared_ptr<nn::Layer> model_of(const std::string& name, std::int64_t classes = 10) {
  auto model = models::models().make(models::models().defaults(name), models::ModelRequest{classes, 3});
  nn::initialise(*model, 0);
  const torch::NoGradGuard no_gradients;
  for (auto* layer : model->all_layers()) {
    if (auto* norm = dynamic_cast<nn::BatchNorm2d*>(layer)) {
      norm->running_mean.uniform_(-0.2, 0.2);
      norm->running_var.uniform_(0.5, 1.5);
      norm->weight.uniform_(0.7, 1.3);
      norm->bias.uniform_(-0.2, 0.2);
    }
  }
  model->eval();
  return model;
}

/// The largest difference of the graph from the layers, as a share of the largest output.
double difference(nn::Layer& model, const Runner& graph, const torch::Tensor& input) {
  const torch::NoGradGuard no_gradients;
  const torch::Tensor expected = model(input.clone()), actual = graph(input);
  REQUIRE(actual.sizes() == expected.sizes());
  return ((actual - expected).abs().max() / expected.abs().max()).item<double>();
}

void check_model(const std::string& name, std::int64_t size, bool must_be_graph) {
  INFO(name);
  const auto model = model_of(name);
  torch::manual_seed(1);
  const GraphRunner runner = graph_runner(*model, torch::randn({1, 3, size, size}));
  INFO(runner.reason);
  if (must_be_graph) CHECK(runner.engine == "graph");
  for (const std::int64_t batch : {1, 3}) {
    const torch::Tensor input = torch::randn({batch, 3, size, size});
    for (int pass = 0; pass < 2; ++pass) CHECK(difference(*model, runner.run, input) < kTolerance);
  }
}

}  // namespace

TEST_CASE("graphs of small members of each family give what the layers give", "[deploy][graph]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  const std::vector<std::pair<const char*, int>> family = {
      {"resnet18", 48},        {"mobilenet_v2", 40},   {"mobilenet_v3_small", 48}, {"shufflenet_v2_x0_5", 48},
      {"mnasnet0_5", 40},      {"squeezenet1_1", 48},  {"densenet121", 48},        {"googlenet", 48},
      {"efficientnet_b0", 40}, {"regnet_x_400mf", 40}, {"regnet_y_400mf", 40},     {"small_cnn", 32},
  };
  for (const auto& [name, size] : family) check_model(name, size, true);
}

TEST_CASE("graphs of all models give what the layers give", "[.][zoo-full][graph]") {
  const std::set<std::string> huge = {"vit_h_14", "regnet_y_128gf"};
  for (const auto& name : models::models().names()) {
    if (huge.count(name)) continue;
    const std::int64_t size = models::model_facts(name).input_size;
    const auto model = model_of(name);
    const GraphRunner runner = graph_runner(*model, torch::randn({1, 3, size, size}));
    const torch::Tensor input = torch::randn({2, 3, size, size});
    std::printf("%-24s %-6s %.2e %s\n", name.c_str(), runner.engine.c_str(), difference(*model, runner.run, input),
                runner.reason.c_str());
    std::fflush(stdout);
    CHECK(difference(*model, runner.run, input.narrow(0, 0, 1)) < kTolerance);
  }
}
