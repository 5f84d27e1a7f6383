#pragma once

#include <torch/types.h>

/// Losses of whole regions. `logits` [N, C, H, W]; `mask` int64 [N, H, W], 255 where a pixel counts for nothing. The
/// batch is taken as one image, and the mean goes over the classes that its mask has; without any it is 0.
namespace mlrun::segmentation {

/// 1 - Dice's coefficient of softmax and mask (Milletari et al., "V-Net", 3DV 2016).
torch::Tensor dice_loss(const torch::Tensor& logits, const torch::Tensor& mask);

/// The Lovasz extension of 1 - IoU at the softmax's errors (Berman et al., "The Lovasz-Softmax loss", CVPR 2018).
torch::Tensor lovasz_loss(const torch::Tensor& logits, const torch::Tensor& mask);

}  // namespace mlrun::segmentation
