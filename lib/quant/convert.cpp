#include "quant/convert.h"

namespace mlrun::quant {
namespace {

Scale scale_of(const Affine& affine) { return {affine.scale.item<double>(), affine.zero_point.item<std::int64_t>()}; }

std::string activation_name(const Group& group) {
  if (!group.activation) return "";
  return group.activation->kind() == nn::Act::Relu6 ? "relu6" : "relu";
}

class Converter {
 public:
  Converter(const Layout& layout, const std::vector<Affine>& sites, const WeightScale& weight_scale)
      : layout_(layout), sites_(sites), weight_scale_(weight_scale) {}

  Int8Node node(std::size_t i) const {
    const Step& step = layout_.steps[i];
    const nn::Layer& layer = *layout_.flow.leaves[i].layer;
    Int8Node node;
    node.path = layer.path();
    node.op = step.role == Role::Pass ? "pass" : step.op;
    node.float_output = step.float_output;
    if (step.role == Role::Pass) return node;
    for (const int site : step.inputs) node.inputs.push_back(scale_of(sites_[static_cast<std::size_t>(site)]));
    node.output = scale_of(sites_[static_cast<std::size_t>(step.output)]);
    const Group* group = step.group < 0 ? nullptr : &layout_.groups[static_cast<std::size_t>(step.group)];
    if (group) {
      node.activation = activation_name(*group);
      if (group->norm) node.folded.push_back(group->norm->path());
      if (group->activation) node.folded.push_back(group->activation->path());
    }
    add_weight(node, layer, group);
    return node;
  }

 private:
  void add_weight(Int8Node& node, const nn::Layer& layer, const Group* group) const {
    if (const auto* conv = dynamic_cast<const nn::Conv2d*>(&layer)) {
      const FoldedConv folded =
          group && group->norm ? fold(*conv, *group->norm) : FoldedConv{conv->weight.detach(), conv->bias};
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

}  // namespace

Int8Plan convert(const Layout& layout, const std::vector<Affine>& sites, const WeightScale& weight_scale,
                 const ConvertOptions& options) {
  MLRUN_ASSERT(sites.size() == layout.sites.size(), "one scale for each site");
  const torch::NoGradGuard no_gradients;
  const Converter converter(layout, sites, weight_scale);
  Int8Plan plan{options.method, options.engine, options.reduce_range, {}, {}};
  for (std::size_t i = 0; i < layout.steps.size(); ++i) {
    const Step& step = layout.steps[i];
    const nn::Layer& layer = *layout.flow.leaves[i].layer;
    if (step.role == Role::Float) plan.float_layers.push_back({layer.path(), layer.type(), step.reason});
    else if (step.role != Role::Folded) plan.nodes.push_back(converter.node(i));
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
