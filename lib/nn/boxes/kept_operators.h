#pragma once

#include <torch/types.h>

#include "nn/boxes/roi_align.h"

/// Operators that a trace keeps whole, so that the choice is made anew wherever it runs. In LibTorch's registry they
/// have torchvision's names and arguments: a TorchScript file with them runs in Python after `import torchvision`.
namespace mlrun::nn::kept {

/// Makes them known to LibTorch; once is enough, and more does nothing. Whoever loads such a file calls it first.
void register_operators();

/// `torchvision::nms`: nn::nms.
torch::Tensor nms(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold);

/// `torchvision::roi_align`: nn::roi_align.
torch::Tensor roi_align(const torch::Tensor& maps, const torch::Tensor& regions, const RoiAlign& how);

/// `mlrun::class_nms`, which torchvision does not have, and ONNX has (NonMaxSuppression): of boxes [N, 4] with scores
/// [classes, N] of each class, int64 [kept, 2]: class and row of those of a higher score than `least` that remain
/// within their class, class by class, by falling score.
torch::Tensor class_nms(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold, double least);

}  // namespace mlrun::nn::kept
