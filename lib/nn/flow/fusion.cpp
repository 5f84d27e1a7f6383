#include "nn/flow/fusion.h"

namespace mlrun::nn {
namespace {

/// The one leaf that takes the value, if it is alone; -1 otherwise.
int only_consumer(const Dataflow& flow, ValueId value) {
  const FlowValue& v = flow.values[static_cast<std::size_t>(value)];
  if (v.escapes || v.returned || v.consumers.size() != 1) return -1;
  return static_cast<int>(v.consumers.front());
}

bool is_rectifier(const Activation& activation) {
  return activation.kind() == Act::Relu || activation.kind() == Act::Relu6;
}

bool begins_group(Layer& layer) {
  return dynamic_cast<Conv2d*>(&layer) || dynamic_cast<Linear*>(&layer) || dynamic_cast<Add*>(&layer) ||
         dynamic_cast<BatchNorm2d*>(&layer);
}

class Grouping {
 public:
  Grouping(const Dataflow& flow, const std::set<const Layer*>& apart) : flow_(flow), apart_(apart) {}

  FusionGroup from(std::size_t leaf) const {
    FusionGroup group;
    group.leaf = leaf;
    group.op = flow_.leaves[leaf].layer;
    group.output = flow_.leaves[leaf].outputs.front();
    if (dynamic_cast<Conv2d*>(group.op)) {
      const int next = only_consumer(flow_, group.output);
      group.norm = follower<BatchNorm2d>(next);
      if (group.norm) take(group, group.norm_leaf, next);
    }
    const int next = only_consumer(flow_, group.output);
    auto* activation = follower<Activation>(next);
    if (activation && is_rectifier(*activation)) {
      group.activation = activation;
      take(group, group.activation_leaf, next);
    }
    return group;
  }

 private:
  /// The layer of the leaf, where it is of this kind and may be taken in.
  template <class L>
  L* follower(int leaf) const {
    if (leaf < 0) return nullptr;
    auto* layer = dynamic_cast<L*>(flow_.leaves[static_cast<std::size_t>(leaf)].layer);
    return layer && apart_.count(layer) == 0 ? layer : nullptr;
  }

  void take(FusionGroup& group, int& part, int leaf) const {
    part = leaf;
    group.output = flow_.leaves[static_cast<std::size_t>(leaf)].outputs.front();
  }

  const Dataflow& flow_;
  const std::set<const Layer*>& apart_;
};

}  // namespace

Layer* FusionGroup::last() const {
  if (activation) return activation;
  return norm ? norm : op;
}

std::size_t FusionGroup::last_leaf() const {
  if (activation) return static_cast<std::size_t>(activation_leaf);
  return norm ? static_cast<std::size_t>(norm_leaf) : leaf;
}

std::vector<FusionGroup> fusion_groups(const Dataflow& flow, const std::set<const Layer*>& apart) {
  const Grouping grouping(flow, apart);
  std::vector<FusionGroup> groups;
  std::set<std::size_t> folded;
  for (std::size_t i = 0; i < flow.leaves.size(); ++i) {
    if (!begins_group(*flow.leaves[i].layer) || folded.count(i) > 0) continue;
    groups.push_back(grouping.from(i));
    if (groups.back().norm) folded.insert(static_cast<std::size_t>(groups.back().norm_leaf));
  }
  return groups;
}

FoldedConv fold(const Conv2d& conv, const BatchNorm2d& norm) {
  const torch::NoGradGuard no_gradients;
  const torch::Tensor bias = conv.bias.defined() ? conv.bias : torch::zeros_like(norm.running_mean);
  const torch::Tensor inverse = torch::rsqrt(norm.running_var + norm.options().eps);
  return {conv.weight * (norm.weight * inverse).reshape({-1, 1, 1, 1}),
          (bias - norm.running_mean) * inverse * norm.weight + norm.bias};
}

}  // namespace mlrun::nn
