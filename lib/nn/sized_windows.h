#pragma once

#include <cstdint>
#include <utility>

#include "nn/layer.h"
#include "nn/pooling.h"

/// Layers whose windows depend on the size of their input, [N, C, H, W].
namespace mlrun::nn {

/// Zeros around an image so that a convolution with `kernel` and `stride` gives ceil(size / stride) pixels; where their
/// number is odd, the last row and column get one more (TensorFlow's padding "same").
class SamePad2d : public UnaryLayer {
 public:
  SamePad2d(int64_t kernel, int64_t stride) : UnaryLayer("SamePad2d"), kernel_(kernel), stride_(stride) {}
  torch::Tensor forward(const torch::Tensor& input) override { return padded(input); }

  torch::Tensor padded(const torch::Tensor& input) const;
  /// Zeros before and behind `size` pixels.
  std::pair<int64_t, int64_t> around(int64_t size) const;

 private:
  int64_t kernel_, stride_;
};

/// Means over `bins` x `bins` windows of equal size, which overlap where `bins` does not divide the size: [N, C, bins,
/// bins]. UserError where there are fewer pixels than bins.
class BinPool2d : public UnaryLayer {
 public:
  explicit BinPool2d(int64_t bins) : UnaryLayer("BinPool2d"), bins_(bins) {}
  torch::Tensor forward(const torch::Tensor& input) override;

  /// The windows on an image of this size.
  AvgPool2dOptions windows(int64_t height, int64_t width) const;

 private:
  int64_t bins_;
};

}  // namespace mlrun::nn
