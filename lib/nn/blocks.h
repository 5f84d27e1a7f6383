#pragma once

#include <memory>
#include <optional>

#include "nn/layers.h"

/// Blocks that several architectures share.
namespace mlrun::nn {

struct ConvNormActOptions {
  int64_t in = 0, out = 0;  ///< channels
  int64_t kernel = 3;       ///< odd; padded so that stride 1 keeps the size
  int64_t stride = 1;
  int64_t dilation = 1;
  int64_t groups = 1;
  NormOptions norm{};
  std::optional<Act> activation = Act::Relu;
};

/// Convolution without bias, norm, activation: torchvision's Conv2dNormActivation, children
/// 0, 1, 2.
std::shared_ptr<Sequential> conv_norm_act(const ConvNormActOptions& options);

/// Scales channels by what a bottleneck makes of their means (Hu et al., "Squeeze-and-Excitation
/// Networks", CVPR 2018); torchvision's SqueezeExcitation.
class SqueezeExcitation : public UnaryLayer {
 public:
  SqueezeExcitation(int64_t channels, int64_t squeezed, Act activation = Act::Relu, Act scale = Act::Sigmoid);
  torch::Tensor forward(const torch::Tensor& input) override;

 private:
  std::shared_ptr<AdaptiveAvgPool2d> avgpool_;
  std::shared_ptr<Conv2d> fc1_, fc2_;
  std::shared_ptr<Activation> activation_, scale_activation_;
  std::shared_ptr<Mul> mul_;
};

/// The multiple of `divisor` nearest to `channels`, at least `divisor` and never more than 10 %
/// below (MobileNet's rule for scaled widths).
int64_t make_divisible(double channels, int64_t divisor = 8);

}  // namespace mlrun::nn
