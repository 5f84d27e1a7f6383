#pragma once

#include <torch/types.h>

#include "nn/boxes/roi_align.h"

/// The same as the kernels by LibTorch's operators: for other devices, other types, derivatives and traces.
namespace mlrun::nn {

torch::Tensor box_iou_by_operators(const torch::Tensor& a, const torch::Tensor& b);

torch::Tensor nms_by_operators(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold);

/// Sums have another order, so the last bits differ.
torch::Tensor roi_align_by_operators(const torch::Tensor& maps, const torch::Tensor& regions, const RoiAlign& how);

/// nn::nms and nn::roi_align for what a trace keeps as one node: they look at the numbers, also while one is made.
torch::Tensor nms_of_numbers(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold);
torch::Tensor roi_align_of_numbers(const torch::Tensor& maps, const torch::Tensor& regions, const RoiAlign& how);

}  // namespace mlrun::nn
