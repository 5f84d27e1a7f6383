#pragma once

#include "nn/layer.h"

namespace mlrun::nn {

/// The first of two tensors, [N, C, h, w], in the height and width of the second: bilinear, pixels as squares (torch's
/// `interpolate` with `align_corners=False`).
class Interpolate : public Layer {
 public:
  Interpolate() : Layer("Interpolate") {}
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override;
};

}  // namespace mlrun::nn
