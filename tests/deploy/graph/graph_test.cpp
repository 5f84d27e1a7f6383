#include "deploy/graph/graph.h"

#include <set>

#include "deploy/graph/plan.h"
#include "models/classifiers.h"
#include "nn/evaluation_scope.h"
#include "nn/pooling.h"
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
double difference(nn::Layer& model, InferenceGraph& graph, const torch::Tensor& input) {
  const torch::NoGradGuard no_gradients;
  const torch::Tensor expected = model(input.clone()), actual = graph(input);
  REQUIRE(actual.sizes() == expected.sizes());
  return ((actual - expected).abs().max() / expected.abs().max()).item<double>();
}

/// oneDNN's references are there to be right, and take up to a thousand times as long.
std::vector<std::string> references(InferenceGraph& graph, const torch::Tensor& input) {
  std::vector<std::string> found;
  for (const auto& name : graph.statistics(input).implementations) {
    if (name.find("ref") != std::string::npos) found.push_back(name);
  }
  return found;
}

/// Whether the graph gives what the layers give, twice, and has no references in it.
GraphStatistics check_graph(nn::Layer& model, InferenceGraph& graph, const torch::Tensor& input) {
  INFO("input " << input.sizes());
  for (int pass = 0; pass < 2; ++pass) CHECK(difference(model, graph, input) < kTolerance);
  CHECK(references(graph, input).empty());
  return graph.statistics(input);
}

void check_model(const std::string& name, std::int64_t size) {
  INFO(name);
  const auto model = model_of(name);
  torch::manual_seed(1);
  InferenceGraph graph(*model, torch::randn({1, 3, size, size}));
  for (const std::int64_t batch : {1, 3}) check_graph(*model, graph, torch::randn({batch, 3, size, size}));
}

/// Convolutions one after another, with what may follow them.
std::shared_ptr<nn::Sequential> chain(const std::vector<std::shared_ptr<nn::Layer>>& layers) {
  auto model = std::make_shared<nn::Sequential>();
  for (const auto& layer : layers) model->push(layer);
  nn::name_layers(*model);
  nn::initialise(*model, 0);
  model->eval();
  return model;
}

std::shared_ptr<nn::Layer> conv(const nn::Conv2dOptions& options) { return std::make_shared<nn::Conv2d>(options); }

}  // namespace

TEST_CASE("graphs of small members of each family give what the layers give", "[deploy][graph]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  const std::vector<std::pair<const char*, int>> family = {
      {"resnet18", 48},
      {"mobilenet_v2", 40},
      {"mobilenet_v3_small", 48},
      {"shufflenet_v2_x0_5", 48},
      {"mnasnet0_5", 40},
      {"squeezenet1_1", 48},
      {"densenet121", 48},
      {"googlenet", 48},
      {"efficientnet_b0", 40},
      {"regnet_x_400mf", 40},
      {"regnet_y_400mf", 40},
      {"small_cnn", 32},
      {"alexnet", 64},
      {"vgg11_bn", 32},
      {"resnext50_32x4d", 48},
      {"inception_v3", 80},
      {"mobilenet_multi_avg_seg", 45},
      {"fcn_mobilenet_v3_large", 64},
      {"deeplabv3_mobilenet_v3_large", 64},
      {"lraspp_mobilenet_v3_large", 64},
      {"unet", 64},
  };
  for (const auto& [name, size] : family) check_model(name, size);
}

TEST_CASE("MOSAIC's padding is done by its convolutions, its means in bins by pooling", "[deploy][graph]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  const auto model = model_of("mosaic", 5);
  torch::manual_seed(1);
  const torch::Tensor example = torch::randn({1, 3, 256, 250});
  const GraphPlan plan = plan_graph(*model, {example});
  CHECK(plan.obstacle.empty());
  std::int64_t padded = 0, pooled = 0;
  for (const GraphNode& node : plan.nodes) {
    padded += node.pad != nullptr ? 1 : 0;
    pooled += node.op == GraphOp::AvgPool ? 1 : 0;
    CHECK(node.layer->type() != "SamePad2d");
  }
  CHECK(padded == 4);  // the stem and three stages; the last has dilation in place of a stride
  CHECK(pooled == 3);
  InferenceGraph graph(*model, example);
  for (const auto& [height, width] : {std::pair<std::int64_t, std::int64_t>{256, 250}, {249, 272}}) {
    check_graph(*model, graph, torch::randn({1, 3, height, width}));
  }
}

TEST_CASE("graphs keep clear of oneDNN's references, whatever the layout and the shape", "[deploy][graph]") {
  if (!graph_available()) return test::skip("this build has no oneDNN");
  torch::manual_seed(1);
  SECTION("groups of a few channels between others, and what follows them") {
    const std::int64_t groups = GENERATE(1, 3, 8, 24, 48);  // of 48 channels
    INFO(groups << " groups");
    const auto model = chain({conv({.in = 3, .out = 48, .kernel = 3, .stride = 2}),
                              conv({.in = 48, .out = 48, .kernel = 3, .padding = 1, .groups = groups}),
                              std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{.kernel = 3, .stride = 2}),
                              conv({.in = 48, .out = 96, .kernel = 3, .groups = groups}),
                              std::make_shared<nn::AdaptiveAvgPool2d>(2), conv({.in = 96, .out = 8})});
    InferenceGraph graph(*model, torch::randn({1, 3, 30, 30}));
    for (const std::int64_t batch : {1, 4}) {
      CHECK(check_graph(*model, graph, torch::randn({batch, 3, 30, 30})).layers == 0);
    }
  }
  SECTION("a kernel that is larger than its image") {
    const auto model = chain({conv({.in = 2, .out = 6, .kernel = 31, .padding = 15, .groups = 2})});
    InferenceGraph graph(*model, torch::randn({1, 2, 32, 32}));
    CHECK(check_graph(*model, graph, torch::randn({1, 2, 32, 32})).layers == 0);
  }
  SECTION("what oneDNN has nothing else for runs as LibTorch's operator") {
    const auto model =
        chain({conv({.in = 32, .out = 6, .kernel = 63, .stride = 3, .padding = 129, .dilation = 2, .groups = 2}),
               std::make_shared<nn::Activation>(nn::Act::Relu), conv({.in = 6, .out = 4})});
    InferenceGraph graph(*model, torch::randn({1, 32, 64, 64}));
    CHECK(check_graph(*model, graph, torch::randn({1, 32, 64, 64})).layers == 1);
  }
}

TEST_CASE("graphs of all models give what the layers give", "[.][zoo-full][graph]") {
  const std::set<std::string> huge = {"vit_h_14", "regnet_y_128gf"};
  for (const auto& name : test::classifiers()) {
    if (huge.count(name)) continue;
    const std::int64_t size = models::model_facts(name).input_size;
    const auto model = model_of(name);
    INFO(name);
    const torch::Tensor input = torch::randn({2, 3, size, size});
    try {
      InferenceGraph graph(*model, input.narrow(0, 0, 1));
      std::printf("%s\n", name.c_str());
      for (const std::int64_t batch : {2, 1}) check_graph(*model, graph, input.narrow(0, 0, batch));
    } catch (const NoGraph& reason) {
      std::printf("%s: %s\n", name.c_str(), reason.what());
    }
    std::fflush(stdout);
  }
}
