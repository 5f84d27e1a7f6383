#include "nn/recompute.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "models/classifiers.h"
#include "nn/layers.h"
#include "nn/rehearsal.h"
#include "support.h"

using namespace mlrun;

namespace {

/// Images of the smallest of some sizes that the model takes; batch norm needs two.
torch::Tensor images_for(nn::Layer& model, const std::string& name) {
  const auto published = models::models().at(name).facts.at("input_size").get<std::int64_t>();
  const torch::NoGradGuard no_gradients;
  for (const std::int64_t size : {std::int64_t{32}, std::int64_t{64}, std::int64_t{96}, published}) {
    try {
      model.run({torch::empty({2, 3, size, size}, torch::kMeta)});
      torch::manual_seed(11);
      return torch::randn({2, 3, size, size});
    } catch (const UserError&) {
      continue;
    }
  }
  FAIL("no size fits " << name);
  return {};
}

struct Pass {
  nn::Tensors outputs, gradients, buffers;
};

/// One training step's outputs, gradients and statistics from the same weights and random numbers.
Pass pass(nn::Layer& model, const torch::Tensor& input) {
  Pass result;
  torch::manual_seed(5);
  torch::Tensor loss;
  for (const auto& output : model.run({input})) {
    result.outputs.push_back(output.detach().clone());
    const torch::Tensor part = (output * torch::linspace(-1, 1, output.numel()).view(output.sizes())).sum();
    loss = loss.defined() ? loss + part : part;
  }
  loss.backward();
  for (auto& parameter : model.parameters()) {
    result.gradients.push_back(parameter.grad().defined() ? parameter.grad().clone() : torch::zeros({0}));
    parameter.mutable_grad() = torch::Tensor();
  }
  for (const auto& buffer : model.buffers()) result.buffers.push_back(buffer.clone());
  return result;
}

/// Tensors that differ in any bit.
std::int64_t different(const nn::Tensors& a, const nn::Tensors& b) {
  REQUIRE(a.size() == b.size());
  std::int64_t count = 0;
  for (std::size_t i = 0; i < a.size(); ++i) count += !a[i].equal(b[i]);
  return count;
}

void check_model(const std::string& name) {
  INFO(name);
  const auto model = models::models().make(models::models().defaults(name), models::ModelRequest{7, 3});
  nn::initialise(*model, 3);
  model->train();
  const torch::Tensor input = images_for(*model, name);
  nn::Tensors before;
  for (const auto& buffer : model->buffers()) before.push_back(buffer.clone());
  const Pass plain = pass(*model, input);
  {
    const torch::NoGradGuard no_gradients;
    auto buffers = model->buffers();
    for (std::size_t i = 0; i < before.size(); ++i) buffers[i].copy_(before[i]);
  }
  nn::Recompute recompute(*model);
  const nn::InterceptorScope scope(*model, recompute);
  const Pass again = pass(*model, input);
  CHECK(different(plain.outputs, again.outputs) == 0);
  CHECK(different(plain.gradients, again.gradients) == 0);
  CHECK(different(plain.buffers, again.buffers) == 0);
  const nn::RecomputeBlocks blocks = nn::recompute_blocks(*model);
  CHECK(blocks.layers.size() + blocks.stretches.size() > 1);
}

/// Blocks by path, stretches as path[first-last].
std::string blocks_of(const std::string& name) {
  const auto model = models::models().make(models::models().defaults(name), models::ModelRequest{7, 3});
  const auto blocks = nn::recompute_blocks(*model);
  std::string text;
  for (const auto* layer : blocks.layers) text += layer->path() + " ";
  for (const auto& stretch : blocks.stretches) {
    text +=
        stretch.sequence->path() + "[" + std::to_string(stretch.first) + "-" + std::to_string(stretch.last - 1) + "] ";
  }
  return text;
}

}  // namespace

TEST_CASE("blocks are what an architecture repeats, and stretches of long rows", "[models]") {
  CHECK(blocks_of("resnet18") ==
        "layer1.0 layer1.1 layer2.0 layer2.1 layer3.0 layer3.1 layer4.0 layer4.1 [0-3] [8-10] ");
  CHECK(blocks_of("vit_b_32").rfind("encoder.layers.encoder_layer_0 encoder.layers.encoder_layer_1 ", 0) == 0);
  CHECK(blocks_of("densenet121").rfind("features.denseblock1.denselayer1 features.denseblock1.denselayer2 ", 0) == 0);
  CHECK(blocks_of("swin_t").rfind("features.1.0 features.1.1 features.2 ", 0) == 0);
  CHECK(blocks_of("vgg11") ==
        "features[0-5] features[6-10] features[11-15] features[16-20] classifier[0-2] classifier[3-5] ");
}

TEST_CASE("recomputed blocks give the gradients and statistics that kept activations give", "[models]") {
  for (const char* name :
       {"small_cnn", "squeezenet1_1", "shufflenet_v2_x0_5", "mnasnet0_5", "mobilenet_v3_small", "resnet18"}) {
    check_model(name);
  }
}

TEST_CASE("a pass without gradients lays its numbers out as one with them, where it must give the same bits",
          "[models]") {
  const torch::NoGradGuard no_gradients;
  const nn::Activation silu(nn::Act::Silu), relu(nn::Act::Relu);
  const auto in_place = [](nn::Activation activation) {
    const torch::Tensor input = torch::ones({2, 4, 1, 1}).to(torch::MemoryFormat::ChannelsLast);
    return activation.forward(input).data_ptr() == input.data_ptr();
  };
  CHECK(in_place(silu));
  const nn::Rehearsal rehearsal;
  CHECK_FALSE(in_place(silu));
  CHECK(in_place(relu));
}

// Some minutes and up to 6 GB: run by hand, `mlrun_tests "[zoo-full]"`.
TEST_CASE("recomputed blocks give the gradients of the whole zoo", "[.][zoo-full]") {
  constexpr std::int64_t kFeasible = 150000000;
  for (const auto& name : test::classifiers()) {
    if (models::model_facts(name).params > kFeasible) continue;
    DYNAMIC_SECTION(name) { check_model(name); }
  }
}
