#pragma once

#include <cstdint>

#include "nn/layer.h"

namespace mlrun::nn {

/// Normalizes over the last axis, which has `features` values (Ba et al., "Layer Normalization",
/// 2016); weight and bias are [features].
class LayerNorm : public UnaryLayer {
 public:
  explicit LayerNorm(int64_t features, double eps = 1e-5) : LayerNorm("LayerNorm", features, eps) {}
  torch::Tensor forward(const torch::Tensor& input) override;
  void reset() override;

  double eps() const { return eps_; }
  torch::Tensor weight, bias;

 protected:
  LayerNorm(std::string type, int64_t features, double eps);

 private:
  double eps_;
};

/// The same over the channels of each pixel of [N, C, H, W]. What it returns is channels-last in
/// memory.
class LayerNorm2d : public LayerNorm {
 public:
  explicit LayerNorm2d(int64_t channels, double eps = 1e-5) : LayerNorm("LayerNorm2d", channels, eps) {}
  torch::Tensor forward(const torch::Tensor& input) override;
};

}  // namespace mlrun::nn
