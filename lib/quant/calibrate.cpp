#include "quant/calibrate.h"

#include <algorithm>
#include <cmath>

#include "nn/evaluation_scope.h"
#include "nn/flow/calls.h"
#include "nn/tensors.h"

namespace mlrun::quant {
namespace {

void check_finite(const nn::Layer& layer, const torch::Tensor& values) {
  if (std::isfinite(values.sum().item<double>())) return;
  throw UserError("calibration: " + layer.path() + " gives numbers that are not finite",
                  "look at the weights: `mlrun eval` shows what they are worth in float32");
}

WeightScale observed_weights(const std::string& kind) {
  return [kind](const nn::Layer&, const torch::Tensor& weight) {
    const auto observer = make_weight_observer(kind, /*moving=*/false);
    observer->observe(weight);
    return observer->affine();
  };
}

}  // namespace

/// Shows the observers what passes the sites, with batch norm folded into the convolutions.
class Calibrator::Door : public nn::Interceptor {
 public:
  explicit Door(Calibrator& owner) : owner_(owner), calls_(owner.model_), at_(owner.layout_.steps.size()) {
    const Layout& layout = owner.layout_;
    for (std::size_t leaf = 0; leaf < layout.steps.size(); ++leaf) {
      const LayoutStep& step = layout.steps[leaf];
      if (step.role != Role::Kernel) continue;
      for (std::size_t k = 0; k < step.inputs.size(); ++k) {
        const auto site = static_cast<std::size_t>(step.inputs[k]);
        if (layout.meets(leaf, k, layout.sites[site])) at_[leaf].inputs.emplace_back(k, site);
      }
      const nn::FusionGroup* group = layout.group_of(step);
      at_[group ? group->last_leaf() : leaf].output = step.output;
      if (group && group->norm) at_[static_cast<std::size_t>(group->norm_leaf)].folded = true;
    }
  }

  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    const int leaf = owner_.layout_.flow.find(&layer, calls_.number(layer));
    if (leaf < 0) return proceed(inputs);
    const SitesOfLeaf& met = at_[static_cast<std::size_t>(leaf)];
    for (const auto& [input, site] : met.inputs) observe(layer, site, inputs[input]);
    const auto conv = owner_.folded_.find(&layer);
    nn::Tensors outputs;
    if (conv != owner_.folded_.end()) outputs = {convolve(static_cast<nn::Conv2d&>(layer), conv->second, inputs[0])};
    else outputs = met.folded ? inputs : proceed(inputs);
    if (met.output >= 0) observe(layer, static_cast<std::size_t>(met.output), outputs[0]);
    return outputs;
  }

 private:
  /// What is met at a leaf.
  struct SitesOfLeaf {
    std::vector<std::pair<std::size_t, std::size_t>> inputs;  // input, site
    int output = -1;                                          // site, after the layer that ends the group
    bool folded = false;                                      // batch norm within a convolution
  };

  static torch::Tensor convolve(const nn::Conv2d& conv, const nn::FoldedConv& folded, const torch::Tensor& input) {
    const nn::Conv2dOptions& o = conv.options();
    return torch::conv2d(input, folded.weight, folded.bias, o.stride, o.padding, o.dilation, o.groups);
  }

  void observe(const nn::Layer& layer, std::size_t site, const torch::Tensor& values) {
    const auto& observer = owner_.observers_[site];
    if (!observer) return;
    check_finite(layer, values);
    for (int time = 0; time < times(site); ++time) observer->observe(values);
  }

  /// torch.ao's fused modules are sequences that hold their observer as a step, and show it their output once more:
  /// a moving average moves twice.
  int times(std::size_t site) const {
    const Site& where = owner_.layout_.sites[site];
    const LayoutStep& step = owner_.layout_.steps[where.leaf];
    const bool fused =
        where.input < 0 && (step.op == "conv2d" || step.op == "linear") && owner_.layout_.group_of(step)->activation;
    return fused && owner_.options_.observer == "moving_average" ? 2 : 1;
  }

  Calibrator& owner_;
  nn::CallCounter calls_;
  std::vector<SitesOfLeaf> at_;
};

Calibrator::Calibrator(nn::Layer& model, const nn::Tensors& example, const QuantizeOptions& options)
    : model_(model), options_(options), layout_(plan_layout(model, example, options.skip)) {
  for (const Site& site : layout_.sites) {
    observers_.push_back(
        site.fixed ? nullptr : make_activation_observer(options.observer, activation_target(options.reduce_range)));
  }
  for (const nn::FusionGroup& group : layout_.groups) {
    if (!group.norm || layout_.steps[group.leaf].role != Role::Kernel || folded_.count(group.op) > 0) continue;
    folded_[group.op] = nn::fold(*dynamic_cast<nn::Conv2d*>(group.op), *group.norm);
  }
}

Calibrator::~Calibrator() = default;

void Calibrator::observe(const nn::Tensors& batch) {
  const torch::NoGradGuard no_gradients;
  const nn::EvaluationScope evaluation(model_);
  Door door(*this);
  const nn::InterceptorScope scope(model_, door);
  inputs_.resize(std::max(inputs_.size(), batch.size()));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    if (!batch[i].defined() || batch[i].numel() == 0) continue;
    const Range here{batch[i].min().item<double>(), batch[i].max().item<double>()};
    const Range known = inputs_[i].value_or(here);
    inputs_[i] = Range{std::min(known.low, here.low), std::max(known.high, here.high)};
  }
  fed_ = true;
  model_.run(nn::copies(batch));  // the first layer may work in place
}

std::vector<Affine> Calibrator::ranges() const {
  std::vector<Affine> found;
  for (const auto& observer : observers_) found.push_back(observer ? observer->affine() : fixed_affine());
  return found;
}

Int8Plan Calibrator::plan() const {
  if (!fed_) throw UserError("calibration: there are no samples", "quantize.samples must be at least 1");
  if (std::none_of(inputs_.begin(), inputs_.end(),
                   [](const auto& range) { return range && range->low != range->high; })) {
    throw UserError("calibration: all values of all samples are the same", "look at the data: `mlrun inspect` does");
  }
  return convert(layout_, ranges(), observed_weights(options_.weights),
                 {"ptq", options_.engine, options_.reduce_range});
}

Int8Plan quantize_dynamic(nn::Layer& model, const nn::Tensors& example, const QuantizeOptions& options) {
  const torch::NoGradGuard no_gradients;
  const Layout layout = plan_layout(model, example, options.skip);
  const WeightScale scale_of = observed_weights(options.weights);
  Int8Plan plan{"dynamic", options.engine, options.reduce_range, {}, {}};
  for (std::size_t i = 0; i < layout.steps.size(); ++i) {
    if (!layout.flow.is_first(i)) continue;
    const nn::Layer& layer = *layout.flow.leaves[i].layer;
    const auto* linear = dynamic_cast<const nn::Linear*>(&layer);
    if (linear && layout.steps[i].role == Role::Kernel) {
      Int8Node node;
      node.path = layer.path();
      node.op = "linear_dynamic";
      node.calls = static_cast<std::int64_t>(layout.flow.calls(&layer).size());
      set_weight(node, linear->weight, linear->bias, scale_of(layer, linear->weight.detach()));
      plan.nodes.push_back(std::move(node));
    } else if (layer.parameters().size() > 0) {
      const bool skipped = layout.steps[i].reason == "skipped";
      plan.float_layers.push_back({layer.path(), layer.type(), skipped ? "skipped" : "not a linear layer"});
    }
  }
  return plan;
}

}  // namespace mlrun::quant
