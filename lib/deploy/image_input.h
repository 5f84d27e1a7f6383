#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "config/options.h"
#include "data/transforms/transform.h"

namespace mlrun::deploy {

/// What evaluation does to images of one size, as operations on tensors that a graph can hold: resizing by matrices of
/// Pillow's weights, cropping, scaling, normalization. The arithmetic of resizing is exact in float64, and rounds where
/// Pillow does.
class ImageInput {
 public:
  /// UserError that names the transform which is no resize, crop, mirroring or normalization.
  ImageInput(const data::TransformFactory& factory, const std::vector<config::Component>& transforms,
             const data::TransformContext& context, std::int64_t height, std::int64_t width);

  /// uint8 [N, height, width, C] to float32 [N, C, H, W].
  torch::Tensor operator()(const torch::Tensor& images) const;
  bool resizes() const { return rows_.defined() || columns_.defined(); }

 private:
  torch::Tensor rows_, columns_;    ///< float64, [to, from] and [from, to]; undefined where that side stays
  torch::Tensor mean_, deviation_;  ///< float32 [C, 1, 1]
};

}  // namespace mlrun::deploy
