#pragma once

#include <torch/types.h>

namespace mlrun::nn {

/// Non-maximum suppression: rows, int64, of the boxes [N, 4] that remain, the highest score [N] first; a box goes where
/// its IoU with one that remained is above `iou_threshold`. Equal scores keep their order, boxes with NaN remain.
torch::Tensor nms(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold);

/// The same within each class [N]. As torchvision's on the same device: up to 1000 boxes on CPU (5000 on CUDA) at once,
/// boxes moved apart by class; more of them class by class.
torch::Tensor batched_nms(const torch::Tensor& boxes, const torch::Tensor& scores, const torch::Tensor& classes,
                          double iou_threshold);

}  // namespace mlrun::nn
