#pragma once

#include <functional>
#include <string>
#include <vector>

#include "quant/layout.h"
#include "quant/observer.h"
#include "quant/plan.h"

namespace mlrun::quant {

/// The scale of a convolution's (batch norm folded in) or linear layer's weight.
using WeightScale = std::function<Affine(const nn::Layer& layer, const torch::Tensor& weight)>;

struct ConvertOptions {
  std::string method, engine;
  bool reduce_range = false;
};

/// The int8 model of a layout, the scales of its sites and those of its weights. Tensors are on the CPU.
Int8Plan convert(const Layout& layout, const std::vector<Affine>& sites, const WeightScale& weight_scale,
                 const ConvertOptions& options);

/// What sites have whose `fixed` is set: 1 / 256 from 0.
Affine fixed_affine();

/// Rounds a weight to int8 with its scale, into `node`.
void set_weight(Int8Node& node, const torch::Tensor& weight, const torch::Tensor& bias, const Affine& affine);

}  // namespace mlrun::quant
