#include "quant/fusion.h"

#include <algorithm>

namespace mlrun::quant {
namespace {

/// What alone takes the value, if there is such a layer.
nn::Layer* only_consumer(const Dataflow& flow, ValueId value) {
  const Value& v = flow.values[static_cast<std::size_t>(value)];
  if (v.escapes || v.returned || v.consumers.size() != 1) return nullptr;
  return flow.leaves[v.consumers.front()].layer;
}

ValueId output_of(const Dataflow& flow, const nn::Layer* layer) {
  return flow.leaves[static_cast<std::size_t>(flow.find(layer))].outputs.front();
}

bool is_rectifier(const nn::Activation& activation) {
  return activation.kind() == nn::Act::Relu || activation.kind() == nn::Act::Relu6;
}

bool begins_group(nn::Layer& layer) {
  return dynamic_cast<nn::Conv2d*>(&layer) || dynamic_cast<nn::Linear*>(&layer) || dynamic_cast<nn::Add*>(&layer) ||
         dynamic_cast<nn::BatchNorm2d*>(&layer);
}

Group group_from(const Dataflow& flow, std::size_t leaf) {
  Group group;
  group.leaf = leaf;
  group.op = flow.leaves[leaf].layer;
  group.output = flow.leaves[leaf].outputs.front();
  if (dynamic_cast<nn::Conv2d*>(group.op)) {
    group.norm = dynamic_cast<nn::BatchNorm2d*>(only_consumer(flow, group.output));
    if (group.norm) group.output = output_of(flow, group.norm);
  }
  auto* activation = dynamic_cast<nn::Activation*>(only_consumer(flow, group.output));
  if (activation && is_rectifier(*activation)) {
    group.activation = activation;
    group.output = output_of(flow, activation);
  }
  return group;
}

}  // namespace

nn::Layer* Group::last() const {
  if (activation) return activation;
  return norm ? norm : op;
}

std::vector<Group> fusion_groups(const Dataflow& flow) {
  std::vector<Group> groups;
  std::vector<const nn::Layer*> folded;
  for (std::size_t i = 0; i < flow.leaves.size(); ++i) {
    nn::Layer* layer = flow.leaves[i].layer;
    if (!begins_group(*layer) || std::find(folded.begin(), folded.end(), layer) != folded.end()) continue;
    groups.push_back(group_from(flow, i));
    if (groups.back().norm) folded.push_back(groups.back().norm);
  }
  return groups;
}

FoldedConv fold(const nn::Conv2d& conv, const nn::BatchNorm2d& norm) {
  const torch::NoGradGuard no_gradients;
  const torch::Tensor bias = conv.bias.defined() ? conv.bias : torch::zeros_like(norm.running_mean);
  const torch::Tensor inverse = torch::rsqrt(norm.running_var + norm.options().eps);
  return {conv.weight * (norm.weight * inverse).reshape({-1, 1, 1, 1}),
          (bias - norm.running_mean) * inverse * norm.weight + norm.bias};
}

}  // namespace mlrun::quant
