#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <torch/types.h>

#include "config/options.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct IouCropOptions {
  double min_scale = 0.3, max_scale = 1.0, min_aspect_ratio = 0.5, max_aspect_ratio = 2.0;
  std::vector<double> sampler_options{0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0};
  std::int64_t trials = 40;
  static void declare(config::Declare<IouCropOptions>& d);
};
/// RandomIoUCrop of torchvision's references for detection (SSD, Liu et al., 2016): a random part that holds the middle
/// of some thing and overlaps it by a drawn IoU at least; an option of 1 leaves the image as it is. Things whose
/// middles lie outside go. Draws the option; then for each trial width and height, left and top. An image without boxes
/// stays.
std::unique_ptr<Transform> make_iou_crop(const IouCropOptions& options, const TransformContext& context);

/// What is drawn in one trial, each from 0 to 1.
struct CropDraw {
  float width = 0, height = 0, left = 0, top = 0;
};
/// The part of a `height` x `width` image that a trial draws, in float32 as there; nothing where it is too flat or has
/// no area.
std::optional<Box> drawn_crop(std::int64_t height, std::int64_t width, const IouCropOptions& options,
                              const CropDraw& draw);
/// Which of the boxes [N, 4] have their middles inside `crop`, bool [N]; nothing where none has, or none of those
/// overlaps it by an IoU of `least`.
std::optional<torch::Tensor> boxes_in(const torch::Tensor& boxes, const Box& crop, double least);

}  // namespace mlrun::data
