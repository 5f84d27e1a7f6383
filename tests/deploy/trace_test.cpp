#include "deploy/trace.h"

#include <set>

#include <torch/types.h>
#include <torch/utils.h>

#include "catch.h"
#include "models/classifiers.h"
#include "models/named_model.h"

using namespace mlrun;

namespace {

/// Largest difference between the model and its trace, over batches that were not traced.
double difference(nn::Layer& model, torch::jit::Module& traced, const std::vector<std::int64_t>& image) {
  const torch::NoGradGuard no_gradients;
  double largest = 0;
  for (const std::int64_t batch : {1, 3}) {
    const torch::Tensor input = torch::randn({batch, image[0], image[1], image[2]});
    const torch::Tensor expected = model(input);
    const torch::Tensor found = traced.forward({input}).toTensor();
    REQUIRE(found.sizes() == expected.sizes());
    largest = std::max(largest, ((found - expected).abs().max() / expected.abs().max()).item<double>());
  }
  return largest;
}

void check_traced(const std::string& name, const std::vector<config::Override>& options) {
  INFO(name);
  const models::NamedModel model = models::make_named(name, options);
  nn::initialise(*model.layer, 0);
  model.layer->eval();
  torch::jit::Module traced =
      deploy::trace(*model.layer, {torch::randn({2, model.channels, model.input_size, model.input_size})});
  CHECK(difference(*model.layer, traced, {model.channels, model.input_size, model.input_size}) < 1e-5);
}

}  // namespace

TEST_CASE("a trace has the model's tensors under their names", "[deploy]") {
  const models::NamedModel model = models::make_named("mobilenet_v3_small", {{"model.num_classes", "7"}});
  nn::initialise(*model.layer, 0);
  const torch::jit::Module traced = deploy::trace(*model.layer, {torch::randn({2, 3, 64, 64})});
  std::set<std::string> names;
  for (const auto& [name, tensor] : nn::state_dict(*model.layer)) {
    names.insert(name);
    CHECK(traced.attr(name.substr(0, name.find('.'))).isModule());
  }
  std::set<std::string> found;
  for (const auto& item : traced.named_parameters()) found.insert(item.name);
  for (const auto& item : traced.named_buffers()) found.insert(item.name);
  CHECK(found == names);
  CHECK(traced.named_parameters().size() < names.size());  // buffers are no parameters
}

TEST_CASE("each node of a trace tells its layer", "[deploy]") {
  const models::NamedModel model = models::make_named("resnet18", {});
  nn::initialise(*model.layer, 0);
  const torch::jit::Module traced = deploy::trace(*model.layer, {torch::randn({2, 3, 64, 64})});
  std::set<std::string> scopes;
  for (const auto* node : traced.get_method("forward").graph()->nodes()) {
    if (node->kind() == c10::aten::_convolution) scopes.insert(node->scopeName());
  }
  CHECK(scopes.size() == 20);
  CHECK(scopes.count("layer4.1.conv2") == 1);
}

TEST_CASE("tracing leaves the model in its mode and calls no random number", "[deploy]") {
  const models::NamedModel model = models::make_named("small_cnn", {{"model.dropout", "0.5"}});
  nn::initialise(*model.layer, 0);
  model.layer->train();
  torch::jit::Module traced = deploy::trace(*model.layer, {torch::randn({2, 1, 28, 28})});
  CHECK(model.layer->is_training());
  const torch::Tensor input = torch::randn({1, 1, 28, 28});
  CHECK(torch::equal(traced.forward({input}).toTensor(), traced.forward({input}).toTensor()));
  model.layer->eval();
  const torch::NoGradGuard no_gradients;
  CHECK(torch::equal(traced.forward({input}).toTensor(), (*model.layer)(input)));
}

TEST_CASE("what is done before the model becomes part of the graph", "[deploy]") {
  const models::NamedModel model = models::make_named("small_cnn", {});
  nn::initialise(*model.layer, 0);
  model.layer->eval();
  deploy::TraceOptions options;
  options.before = [](const torch::Tensor& image) { return image.to(torch::kFloat) / 255; };
  const torch::Tensor image = torch::randint(256, {2, 1, 28, 28}, torch::kByte);
  torch::jit::Module traced = deploy::trace(*model.layer, {image}, options);
  const torch::NoGradGuard no_gradients;
  CHECK(torch::allclose(traced.forward({image}).toTensor(), (*model.layer)(image.to(torch::kFloat) / 255)));
}

TEST_CASE("one model of each family is traced for any batch", "[deploy]") {
  const std::string name =
      GENERATE("alexnet", "convnext_tiny", "densenet121", "efficientnet_b0", "efficientnet_v2_s", "googlenet",
               "inception_v3", "mnasnet0_5", "mobilenet_v2", "mobilenet_v3_small", "preresnet110", "regnet_y_400mf",
               "resnet18", "shufflenet_v2_x0_5", "small_cnn", "squeezenet1_1", "swin_t", "swin_v2_t", "vgg11_bn");
  check_traced(name, {});
}

TEST_CASE("transformers are traced for any batch", "[deploy]") {
  check_traced("vit_b_16", {{"model.image_size", "32"}});
  check_traced("maxvit_t", {});
}

TEST_CASE("the whole zoo is traced for any batch", "[.][zoo-full]") {
  for (const auto& name : test::classifiers()) check_traced(name, {});
}
