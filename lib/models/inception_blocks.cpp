#include "models/inception_blocks.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "nn/init.h"

namespace mlrun::models {

std::shared_ptr<nn::Sequential> basic_conv(nn::Conv2dOptions options) {
  options.bias = false;
  auto block = std::make_shared<nn::Sequential>("BasicConv2d");
  block->push("conv", std::make_shared<nn::Conv2d>(options));
  block->push("bn", std::make_shared<nn::BatchNorm2d>(options.out, nn::BatchNormOptions{.eps = 0.001}));
  block->push("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
  return block;
}

void InceptionBlock::push(const std::string& name, std::shared_ptr<nn::Layer> layer) {
  branches_.back().steps.push_back(add(name, std::move(layer)));
}

void InceptionBlock::push_end(const std::string& name, std::shared_ptr<nn::Layer> layer) {
  branches_.back().ends.push_back(add(name, std::move(layer)));
}

void InceptionBlock::finish() { concat_ = add("concat", std::make_shared<nn::Concat>()); }

torch::Tensor InceptionBlock::forward(const torch::Tensor& input) {
  nn::Tensors parts;
  for (const Branch& branch : branches_) {
    torch::Tensor x = input;
    for (const auto& step : branch.steps) x = call(*step, x);
    for (const auto& end : branch.ends) parts.push_back(call(*end, x));
    if (branch.ends.empty()) parts.push_back(x);
  }
  return call(*concat_, parts).front();
}

torch::Tensor TransformInput::forward(const torch::Tensor& input) {
  constexpr std::array<double, 3> kMean{0.485, 0.456, 0.406}, kStd{0.229, 0.224, 0.225};
  nn::Tensors channels;
  for (std::size_t c = 0; c < kMean.size(); ++c) {
    const auto index = static_cast<int64_t>(c);
    channels.push_back(input.slice(1, index, index + 1) * (kStd[c] / 0.5) + (kMean[c] - 0.5) / 0.5);
  }
  return torch::cat(channels, 1);
}

InceptionNetwork::InceptionNetwork(std::string type, bool transform_input, const ModelRequest& request)
    : Layer(std::move(type)) {
  if (!transform_input) return;
  if (request.inputs != 3) {
    throw UserError(
        "model.transform_input needs images of 3 channels, and these have " + std::to_string(request.inputs),
        "set model.transform_input to false");
  }
  push("transform_input", std::make_shared<TransformInput>());
}

void InceptionNetwork::push(const std::string& name, std::shared_ptr<nn::Layer> layer) {
  steps_.push_back({name, add(name, std::move(layer)), nullptr});
}

void InceptionNetwork::push_auxiliary(const std::string& name, const std::string& after,
                                      std::shared_ptr<nn::Layer> layer) {
  const auto step = std::find_if(steps_.begin(), steps_.end(), [&](const Step& s) { return s.name == after; });
  MLRUN_ASSERT(step != steps_.end() && !step->auxiliary, "no place for " + name);
  step->auxiliary = add(name, std::move(layer));
}

nn::Tensors InceptionNetwork::forward(const nn::Tensors& inputs) {
  torch::Tensor x = inputs.front();
  nn::Tensors outputs{x};
  for (const Step& step : steps_) {
    x = call(*step.layer, x);
    if (step.auxiliary && is_training()) outputs.push_back(call(*step.auxiliary, x));
  }
  outputs.front() = x;
  return outputs;
}

nn::Interface InceptionNetwork::interface() const {
  nn::Interface interface;
  for (const Step& step : steps_) {
    if (step.auxiliary) interface.outputs.push_back({step.auxiliary->path(), false, /*training_only=*/true});
  }
  return interface;
}

std::vector<std::string> InceptionNetwork::heads() const {
  std::vector<std::string> heads = {steps_.back().name};
  for (const Step& step : steps_) {
    if (step.auxiliary) heads.push_back(step.auxiliary->path());
  }
  return heads;
}

void redraw_inception(nn::Layer& root, const std::function<double(const nn::Layer&)>& std_of) {
  for (nn::Layer* layer : root.all_layers()) {
    if (auto* conv = dynamic_cast<nn::Conv2d*>(layer)) nn::init::trunc_normal(conv->weight, 0, std_of(*layer));
    if (auto* linear = dynamic_cast<nn::Linear*>(layer)) nn::init::trunc_normal(linear->weight, 0, std_of(*layer));
  }
}

}  // namespace mlrun::models
