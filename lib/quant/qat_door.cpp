#include "quant/qat_door.h"

#include <torch/types.h>

#include "nn/tensors.h"

namespace mlrun::quant {

QatDoor::QatDoor(const nn::Layer& model, const Layout& layout, Rounding rounding)
    : layout_(layout), rounding_(std::move(rounding)), calls_(model) {
  for (std::size_t leaf = 0; leaf < layout.steps.size(); ++leaf) {
    if (layout.steps[leaf].role == Role::Kernel) add_kernel(leaf);
  }
}

void QatDoor::add_kernel(std::size_t leaf) {
  const LayoutStep& step = layout_.steps[leaf];
  nn::Layer* layer = layout_.flow.leaves[leaf].layer;
  const nn::FusionGroup* group = layout_.group_of(step);
  Part& part = parts_[leaf];
  for (std::size_t i = 0; i < step.inputs.size(); ++i) {
    const auto site = static_cast<std::size_t>(step.inputs[i]);
    const Site& met = layout_.sites[site];
    if (met.input >= 0) part.inputs.push_back({i, site, layout_.meets(leaf, i, met)});
  }
  part.conv = dynamic_cast<nn::Conv2d*>(layer);
  part.linear = dynamic_cast<nn::Linear*>(layer);
  part.norm = group ? group->norm : nullptr;
  parts_[group ? group->last_leaf() : leaf].output = step.output;
}

nn::Tensors QatDoor::around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) {
  const int leaf = layout_.flow.find(&layer, calls_.number(layer));
  const auto found = leaf < 0 ? parts_.end() : parts_.find(static_cast<std::size_t>(leaf));
  if (found == parts_.end() || nn::on_meta(inputs)) return proceed(inputs);
  const Part& part = found->second;
  nn::Tensors values = inputs;
  for (const Input& input : part.inputs) {
    values[input.number] = rounding_.activation(input.site, values[input.number], input.first);
  }
  nn::Tensors outputs;
  if (part.conv != nullptr) {
    outputs = {convolve(part, values.front())};
  } else if (part.linear != nullptr) {
    outputs = {torch::linear(values.front(), rounding_.weight(layer, part.linear->weight), part.linear->bias)};
  } else {
    outputs = proceed(values);
  }
  if (part.output >= 0) {
    outputs.front() = rounding_.activation(static_cast<std::size_t>(part.output), outputs.front(), /*first=*/true);
  }
  return outputs;
}

torch::Tensor QatDoor::convolve(const Part& part, const torch::Tensor& input) const {
  const nn::Conv2d& conv = *part.conv;
  const nn::Conv2dOptions& o = conv.options();
  const auto run = [&](const torch::Tensor& weight, const torch::Tensor& bias) {
    return torch::conv2d(input, weight, bias, o.stride, o.padding, o.dilation, o.groups);
  };
  if (part.norm == nullptr) return run(rounding_.weight(conv, conv.weight), conv.bias);
  const torch::Tensor folded = part.norm->weight / torch::sqrt(part.norm->running_var + part.norm->options().eps);
  // A channel that batch norm multiplies by 0 is rounded as it is: it could not be scaled back.
  const torch::Tensor factor = torch::where(folded == 0, torch::ones_like(folded), folded);
  const torch::Tensor weight = rounding_.weight(conv, conv.weight * factor.reshape({-1, 1, 1, 1}));
  const torch::Tensor output = run(weight, {}) / factor.reshape({1, -1, 1, 1});
  return conv.bias.defined() ? output + conv.bias.reshape({1, -1, 1, 1}) : output;
}

}  // namespace mlrun::quant
