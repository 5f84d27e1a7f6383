#pragma once

#include <cstdint>

#include <torch/types.h>

/// Boxes are floats [N, 4]: left, top, right, bottom in pixels. All functions give what torchvision.ops gives, to the
/// bit on CPU, and run on any device.
namespace mlrun::nn {

/// Areas [N].
torch::Tensor box_area(const torch::Tensor& boxes);
/// Intersection over union of each of a [N, 4] with each of b [M, 4]: [N, M]. NaN for two without area.
torch::Tensor box_iou(const torch::Tensor& a, const torch::Tensor& b);
/// The boxes [..., 4] inside an image of this size.
torch::Tensor clip_boxes(const torch::Tensor& boxes, std::int64_t height, std::int64_t width);
/// Rows, int64, of the boxes whose sides are both at least `least` pixels (torchvision's remove_small_boxes).
torch::Tensor rows_of_sides(const torch::Tensor& boxes, double least);

}  // namespace mlrun::nn
