#include "quant/qat_model.h"

#include <torch/types.h>

#include "base/error.h"
#include "quant/qat_door.h"

namespace mlrun::quant {
namespace {

bool has_weight(const nn::Layer& layer) {
  return dynamic_cast<const nn::Conv2d*>(&layer) != nullptr || dynamic_cast<const nn::Linear*>(&layer) != nullptr;
}

torch::Tensor round_fixed(const torch::Tensor& values) {
  const Affine fixed = fixed_affine();
  return torch::fake_quantize_per_tensor_affine(values, fixed.scale.item<double>(),
                                                fixed.zero_point.item<std::int64_t>(), 0, 255);
}

}  // namespace

QatModel::QatModel(nn::Layer& model, const nn::Tensors& example, const QatOptions& options)
    : model_(model), options_(options), layout_(plan_layout(model, example, options.skip)) {
  make_quantizers();
  Rounding rounding;
  rounding.activation = [this](std::size_t site, const torch::Tensor& values, bool first) {
    return activations_[site] ? (*activations_[site])(values, first && observes_) : round_fixed(values);
  };
  rounding.weight = [this](const nn::Layer& layer, const torch::Tensor& values) {
    return (*weights_.at(&layer))(values, observes_);
  };
  door_ = std::make_unique<QatDoor>(model, layout_, std::move(rounding));
}

QatModel::~QatModel() = default;

nn::Interceptor& QatModel::door() { return *door_; }

void QatModel::make_quantizers() {
  activations_.clear();
  const Target target = activation_target(options_.reduce_range);
  for (const Site& site : layout_.sites) {
    activations_.push_back(site.fixed ? nullptr : std::make_unique<FakeQuantizer>(target, /*per_channel=*/false));
  }
  for (std::size_t leaf = 0; leaf < layout_.steps.size(); ++leaf) {
    const nn::Layer* layer = layout_.flow.leaves[leaf].layer;
    if (layout_.steps[leaf].role != Role::Kernel || !has_weight(*layer)) continue;
    weights_[layer] = std::make_unique<FakeQuantizer>(weight_target(), options_.weights == "per_channel");
  }
}

Int8Plan QatModel::plan(bool averaged) const {
  std::vector<Affine> sites;
  for (std::size_t s = 0; s < activations_.size(); ++s) {
    sites.push_back(activations_[s] ? activations_[s]->affine(site_name(s)) : fixed_affine());
  }
  const WeightScale scale_of = [&](const nn::Layer& layer, const torch::Tensor& weight) {
    if (!averaged) return weights_.at(&layer)->affine(layer.path());
    const auto observer = make_weight_observer(options_.weights, /*moving=*/false);
    observer->observe(weight);
    return observer->affine();
  };
  return convert(layout_, sites, scale_of, {"qat", options_.engine, options_.reduce_range});
}

/// Names are the layers', so that the state fits as long as the model does.
std::string QatModel::site_name(std::size_t site) const {
  const Site& at = layout_.sites[site];
  const std::string& path = layout_.flow.leaves[at.leaf].layer->path();
  return path + (at.input < 0 ? ".output" : ".input" + std::to_string(at.input));
}

void QatModel::save(data::State& state, const std::string& prefix) const {
  state.put(prefix + "engine", Json(options_.engine));
  state.put(prefix + "reduce_range", Json(options_.reduce_range));
  for (std::size_t s = 0; s < activations_.size(); ++s) {
    if (activations_[s]) activations_[s]->save(state, prefix + site_name(s) + ".");
  }
  for (std::size_t leaf = 0; leaf < layout_.flow.leaves.size(); ++leaf) {
    const nn::Layer* layer = layout_.flow.leaves[leaf].layer;
    const auto weight = weights_.find(layer);
    if (weight != weights_.end() && layout_.flow.is_first(leaf))
      weight->second->save(state, prefix + layer->path() + ".weight.");
  }
}

void QatModel::load(const data::State& state, const std::string& prefix) {
  options_.engine = state.value(prefix + "engine").get<std::string>();
  options_.reduce_range = state.value(prefix + "reduce_range").get<bool>();
  make_quantizers();
  for (std::size_t s = 0; s < activations_.size(); ++s) {
    if (activations_[s]) activations_[s]->load(state, prefix + site_name(s) + ".");
  }
  for (const auto& [layer, weight] : weights_) weight->load(state, prefix + layer->path() + ".weight.");
}

}  // namespace mlrun::quant
