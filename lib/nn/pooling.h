#pragma once

#include <cstdint>

#include "nn/layer.h"

/// Pooling over windows of [N, C, H, W]; names and defaults are torch.nn's.
namespace mlrun::nn {

struct MaxPool2dOptions {
  Pair kernel = 2;
  Pair stride = 2;
  Pair padding = 0;        ///< on each side, never taken
  bool ceil_mode = false;  ///< a last window that is cut off at the edge counts too
};

class MaxPool2d : public UnaryLayer {
 public:
  explicit MaxPool2d(const MaxPool2dOptions& options) : UnaryLayer("MaxPool2d"), options_(options) {}
  torch::Tensor forward(const torch::Tensor& input) override;
  const MaxPool2dOptions& options() const { return options_; }

 private:
  MaxPool2dOptions options_;
};

struct AvgPool2dOptions {
  Pair kernel = 2;
  Pair stride = 2;
  Pair padding = 0;  ///< zeros on each side, which count in the mean
};

class AvgPool2d : public UnaryLayer {
 public:
  explicit AvgPool2d(const AvgPool2dOptions& options) : UnaryLayer("AvgPool2d"), options_(options) {}
  torch::Tensor forward(const torch::Tensor& input) override;
  const AvgPool2dOptions& options() const { return options_; }

 private:
  AvgPool2dOptions options_;
};

/// Means over windows that are laid out so that the output is [N, C, output...].
class AdaptiveAvgPool2d : public UnaryLayer {
 public:
  explicit AdaptiveAvgPool2d(Pair output) : UnaryLayer("AdaptiveAvgPool2d"), output_(output) {}
  torch::Tensor forward(const torch::Tensor& input) override;
  const Pair& output() const { return output_; }

 private:
  Pair output_;
};

}  // namespace mlrun::nn
