#pragma once

#include <torch/types.h>

namespace mlrun::nn {

/// Of each logit, in their shape (Lin et al., Focal Loss for Dense Object Detection, ICCV 2017); `alpha` below 0: not
/// weighed.
torch::Tensor sigmoid_focal_loss(const torch::Tensor& logits, const torch::Tensor& targets, double alpha = 0.25,
                                 double gamma = 2);
/// Of each pair of boxes [N, 4]: [N] (Rezatofighi et al., CVPR 2019).
torch::Tensor generalized_box_iou_loss(const torch::Tensor& boxes, const torch::Tensor& targets, double eps = 1e-7);

}  // namespace mlrun::nn
