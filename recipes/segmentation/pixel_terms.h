#pragma once

#include <memory>

#include <torch/types.h>

#include "config/registry.h"

namespace mlrun::segmentation {

/// What is lowered of each pixel by itself, and of which pixels.
class PixelTerm {
 public:
  virtual ~PixelTerm() = default;
  /// True of cross-entropy over all valid pixels, which LibTorch has as one operator.
  virtual bool plain() const { return false; }
  /// Losses [N, H, W] of pixels whose negative log-likelihoods are `cross_entropy`.
  virtual torch::Tensor losses(const torch::Tensor& cross_entropy) const { return cross_entropy; }
  /// Which of the `valid` pixels, bool [N, H, W], count.
  virtual torch::Tensor chosen(const torch::Tensor& /*cross_entropy*/, const torch::Tensor& valid) const {
    return valid;
  }
};

using PixelTermFactory = config::Factory<std::unique_ptr<PixelTerm>()>;

/// `cross_entropy`, `focal`, `ohem`.
const PixelTermFactory& pixel_terms();

}  // namespace mlrun::segmentation
