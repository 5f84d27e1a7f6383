#pragma once

#include "nn/layer.h"

namespace mlrun::nn {

enum class InterpolateMode { Bilinear, Nearest };

/// The first of two tensors, [N, C, h, w], in the height and width of the second (torch's `interpolate` with
/// `align_corners=False`): pixels are squares, of which the four around a point are mixed, or the one below it is
/// taken.
class Interpolate : public Layer {
 public:
  explicit Interpolate(InterpolateMode mode = InterpolateMode::Bilinear) : Layer("Interpolate"), mode_(mode) {}
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override;
  InterpolateMode mode() const { return mode_; }

 private:
  InterpolateMode mode_;
};

}  // namespace mlrun::nn
