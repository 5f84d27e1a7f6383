#pragma once

#include <array>

#include <torch/types.h>

namespace mlrun::nn {

/// Boxes [N, 4] as codes: their centres and the logarithms of their sides against those of other boxes, times weights.
class BoxCoder {
 public:
  /// Codes of sides are held below `clip` when decoded; upstream's is ln(1000 / 16).
  explicit BoxCoder(std::array<double, 4> weights);
  BoxCoder(std::array<double, 4> weights, double clip) : weights_(weights), clip_(clip) {}

  /// Codes [N, 4] of `boxes` against `references`, both [N, 4].
  torch::Tensor encode(const torch::Tensor& boxes, const torch::Tensor& references) const;
  /// Boxes [N, 4 * K] of K codes [N, 4 * K] for each reference [N, 4].
  torch::Tensor decode(const torch::Tensor& codes, const torch::Tensor& references) const;

 private:
  std::array<double, 4> weights_;
  double clip_;
};

/// Boxes as distances of their sides from the centres of others, over the others' sides (FCOS).
class LinearBoxCoder {
 public:
  explicit LinearBoxCoder(bool normalise = true) : normalise_(normalise) {}
  torch::Tensor encode(const torch::Tensor& boxes, const torch::Tensor& references) const;
  torch::Tensor decode(const torch::Tensor& codes, const torch::Tensor& references) const;

 private:
  bool normalise_;
};

}  // namespace mlrun::nn
