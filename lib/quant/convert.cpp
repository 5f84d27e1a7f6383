#include "quant/convert.h"

#include <algorithm>

namespace mlrun::quant {
namespace {

Scale scale_of(const Affine& affine) { return {affine.scale.item<double>(), affine.zero_point.item<std::int64_t>()}; }

std::string activation_name(const nn::FusionGroup& group) {
  if (!group.activation) return "";
  return group.activation->kind() == nn::Act::Relu6 ? "relu6" : "relu";
}

class Converter {
 public:
  Converter(const Layout& layout, const std::vector<Affine>& sites, const WeightScale& weight_scale)
      : layout_(layout), sites_(sites), weight_scale_(weight_scale) {}

  /// Of a layer by its calls, where its role is Kernel or Pass in some of them.
  Int8Node node(const std::vector<std::size_t>& calls, Role role) const {
    const LayoutStep& step = layout_.steps[calls.front()];
    const nn::Layer& layer = *layout_.flow.leaves[calls.front()].layer;
    Int8Node node;
    node.path = layer.path();
    node.op = role == Role::Pass ? "pass" : step.op;
    node.calls = static_cast<std::int64_t>(calls.size());
    node.float_output =
        std::any_of(calls.begin(), calls.end(), [this](std::size_t call) { return layout_.steps[call].float_output; });
    if (role == Role::Pass) return node;
    for (const int site : input_sites(calls)) node.inputs.push_back(scale_of(sites_[static_cast<std::size_t>(site)]));
    node.output = scale_of(sites_[static_cast<std::size_t>(step.output)]);
    const nn::FusionGroup* group = layout_.group_of(step);
    if (group) {
      node.activation = activation_name(*group);
      if (group->norm) node.folded.push_back(group->norm->path());
      if (group->activation) node.folded.push_back(group->activation->path());
    }
    add_weight(node, layer, group);
    return node;
  }

 private:
  /// The site of each input: that of the calls to which it comes as float, if there are any.
  std::vector<int> input_sites(const std::vector<std::size_t>& calls) const {
    std::vector<int> found;
    for (const std::size_t call : calls) {
      const std::vector<int>& inputs = layout_.steps[call].inputs;
      for (std::size_t k = 0; k < inputs.size(); ++k) {
        if (k == found.size()) found.push_back(inputs[k]);
        else if (layout_.sites[static_cast<std::size_t>(inputs[k])].input >= 0) found[k] = inputs[k];
      }
    }
    return found;
  }

  void add_weight(Int8Node& node, const nn::Layer& layer, const nn::FusionGroup* group) const {
    if (const auto* conv = dynamic_cast<const nn::Conv2d*>(&layer)) {
      const nn::FoldedConv folded =
          group && group->norm ? nn::fold(*conv, *group->norm) : nn::FoldedConv{conv->weight.detach(), conv->bias};
      set_weight(node, folded.weight, folded.bias, weight_scale_(layer, folded.weight));
    } else if (const auto* linear = dynamic_cast<const nn::Linear*>(&layer)) {
      const torch::Tensor weight = linear->weight.detach();
      set_weight(node, weight, linear->bias, weight_scale_(layer, weight));
    }
  }

  const Layout& layout_;
  const std::vector<Affine>& sites_;
  const WeightScale& weight_scale_;
};

/// What a layer is in the model: integers come out of it where any call gives some.
Role role_of(const Layout& layout, const std::vector<std::size_t>& calls) {
  const auto passes = [&](std::size_t call) { return layout.steps[call].role == Role::Pass; };
  return std::any_of(calls.begin(), calls.end(), passes) ? Role::Pass : layout.steps[calls.front()].role;
}

}  // namespace

Int8Plan convert(const Layout& layout, const std::vector<Affine>& sites, const WeightScale& weight_scale,
                 const ConvertOptions& options) {
  MLRUN_ASSERT(sites.size() == layout.sites.size(), "one scale for each site");
  const torch::NoGradGuard no_gradients;
  const Converter converter(layout, sites, weight_scale);
  Int8Plan plan{options.method, options.engine, options.reduce_range, {}, {}};
  for (std::size_t i = 0; i < layout.steps.size(); ++i) {
    if (!layout.flow.is_first(i)) continue;
    const nn::Layer& layer = *layout.flow.leaves[i].layer;
    const auto& calls = layout.flow.calls(&layer);
    const Role role = role_of(layout, calls);
    if (role == Role::Float) plan.float_layers.push_back({layer.path(), layer.type(), layout.steps[i].reason});
    else if (role != Role::Folded) plan.nodes.push_back(converter.node(calls, role));
  }
  return plan;
}

Affine fixed_affine() { return {torch::tensor(1.0F / 256), torch::tensor(std::int64_t{0})}; }

void set_weight(Int8Node& node, const torch::Tensor& weight, const torch::Tensor& bias, const Affine& affine) {
  const torch::Tensor values = weight.detach().to(torch::kCPU, torch::kFloat).contiguous();
  node.weight_scale = affine.scale.detach().to(torch::kCPU, torch::kFloat).clone();
  MLRUN_ASSERT(!affine.zero_point.any().item<bool>(), "weights are rounded around 0");
  if (node.weight_scale.numel() == 1) node.weight_scale = node.weight_scale.reshape({});
  const torch::Tensor zeros = torch::zeros_like(node.weight_scale, torch::kLong);
  const torch::Tensor rounded =
      node.weight_scale.dim() == 0
          ? torch::quantize_per_tensor(values, node.weight_scale.item<double>(), 0, torch::kQInt8)
          : torch::quantize_per_channel(values, node.weight_scale.to(torch::kDouble), zeros, 0, torch::kQInt8);
  node.weight = rounded.int_repr();
  if (bias.defined()) node.bias = bias.detach().to(torch::kCPU, torch::kFloat).clone();
}

}  // namespace mlrun::quant
