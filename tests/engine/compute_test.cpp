#include "engine/compute.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "nn/layers.h"
#include "support.h"

using namespace mlrun;
using engine::Compute;

namespace {

torch::Tensor output_of(const Compute& compute, nn::Layer& model, const torch::Tensor& input) {
  return compute.run(model, {{"input", input}}).tensor("output");
}

/// What each type of layer got and gave.
class Types : public nn::Interceptor {
 public:
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    nn::Tensors outputs = proceed(inputs);
    seen[layer.type()] = {inputs.front().scalar_type(), outputs.front().scalar_type()};
    return outputs;
  }
  std::map<std::string, std::pair<torch::ScalarType, torch::ScalarType>> seen;
};

engine::Models small_model() {
  auto model = std::make_shared<nn::Sequential>();
  model->push(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = 3, .out = 8, .kernel = 3}));
  model->push(std::make_shared<nn::BatchNorm2d>(8));
  model->push(std::make_shared<nn::Activation>(nn::Act::Relu));
  model->push(std::make_shared<nn::Flatten>());
  model->push(std::make_shared<nn::Linear>(8 * 36, 5));
  nn::name_layers(*model);
  nn::initialise(*model, 1);
  model->train();
  return {{"model", model}};
}

config::TrainSection with_amp(const std::string& amp) {
  config::TrainSection train;
  train.amp = amp;
  return train;
}

}  // namespace

TEST_CASE("fp16 is refused on the CPU", "[engine]") {
  const auto models = small_model();
  CHECK(test::user_error([&] { Compute(models, with_amp("fp16"), engine::Context{}); }) ==
        "train.amp: fp16 needs CUDA, and this training runs on the CPU; use bf16 or none");
}

TEST_CASE("bf16 is for convolutions and matrix products; outputs, weights and statistics are float32", "[engine]") {
  const auto models = small_model();
  auto& model = *models.front().second;
  Types types;
  const nn::InterceptorScope scope(model, types);
  torch::manual_seed(2);
  const torch::Tensor input = torch::randn({4, 3, 8, 8});
  const Compute exact(models, with_amp("none"), {}), half(models, with_amp("bf16"), {});
  const torch::Tensor expected = output_of(exact, model, input);
  CHECK(types.seen["Conv2d"].second == torch::kFloat);
  const torch::Tensor output = output_of(half, model, input);
  CHECK(types.seen["Conv2d"] == std::make_pair(torch::kFloat, torch::kBFloat16));
  CHECK(types.seen["Linear"].second == torch::kBFloat16);
  CHECK(output.scalar_type() == torch::kFloat);
  CHECK_FALSE(output.equal(expected));
  CHECK((output - expected).abs().max().item<double>() < 0.05);
  output.square().sum().backward();
  for (const auto& parameter : model.parameters()) {
    CHECK(parameter.scalar_type() == torch::kFloat);
    CHECK(parameter.grad().scalar_type() == torch::kFloat);
    CHECK(parameter.grad().abs().sum().item<double>() > 0);
  }
  for (const auto& buffer : model.buffers()) CHECK((buffer.scalar_type() == torch::kFloat || buffer.dim() == 0));
  // Nothing is left behind for what runs next.
  CHECK(output_of(exact, model, input).equal(expected));
}

TEST_CASE("the batch's statistics are summed in float32", "[engine]") {
  // 4096 values of 1 + 1/128 a channel: bf16 sums would stop growing at 256.
  nn::BatchNorm2d norm(1);
  nn::initialise(norm, 0);
  norm.train();
  norm.forward(torch::full({1, 1, 64, 64}, 1.0078125, torch::kBFloat16));
  CHECK(norm.running_mean.item<double>() == Approx(0.10078125).epsilon(1e-6));
}

TEST_CASE("bf16 and activation checkpointing give the gradients of bf16", "[engine]") {
  const auto models = small_model();
  auto& model = *models.front().second;
  torch::manual_seed(2);
  const torch::Tensor input = torch::randn({4, 3, 8, 8});
  const auto gradients = [&](bool checkpointing) {
    config::TrainSection train = with_amp("bf16");
    train.activation_checkpointing = checkpointing;
    const Compute compute(models, train, {});
    for (auto& parameter : model.parameters()) parameter.mutable_grad() = torch::Tensor();
    output_of(compute, model, input).square().sum().backward();
    nn::Tensors found;
    for (const auto& parameter : model.parameters()) found.push_back(parameter.grad().clone());
    return found;
  };
  const auto kept = gradients(false), recomputed = gradients(true);
  for (std::size_t i = 0; i < kept.size(); ++i) CHECK(kept[i].equal(recomputed[i]));
}
