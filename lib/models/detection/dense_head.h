#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "models/detection/samples.h"
#include "nn/layers.h"

/// What one-stage detectors put on every map: the same convolutions, and losses over all their anchors.
namespace mlrun::models {

/// What sigmoids of scores are to begin at: objects are rare. As a logit.
double prior_logit();

/// `count` 3x3 convolutions that keep size and channels, each with the norm (without one it has a bias) and ReLU;
/// torchvision's Conv2dNormActivation.
std::shared_ptr<nn::Sequential> conv_tower(std::int64_t channels, std::int64_t count,
                                           const std::optional<nn::NormOptions>& norm);

/// A 3x3 convolution that keeps the size.
std::shared_ptr<nn::Conv2d> predictor(std::int64_t in, std::int64_t out);

/// Redraws the convolutions at and below `root`, in `modules()` order: normal weights, biases of zero.
void draw_normal(nn::Layer& root, double std);
/// The same from Xavier's uniform distribution.
void draw_xavier(nn::Layer& root);
void draw_constant(torch::Tensor tensor, double value);
/// One image's part of the focal loss, over how many anchors are matched (one at least): logits [A, K], `matched` int64
/// [A], the row of the truth that each anchor answers for, or a negative number (Matcher).
torch::Tensor focal_of_image(const torch::Tensor& logits, const Truth& truth, const torch::Tensor& matched);

/// Of each image, what its anchors answer for; nothing where it has no boxes.
template <class Match>
std::vector<torch::Tensor> matched_anchors(const std::vector<Truth>& truths, const torch::Tensor& anchors,
                                           const Match& match) {
  std::vector<torch::Tensor> matched;
  for (const Truth& truth : truths) {
    matched.push_back(truth.boxes.size(0) == 0 ? torch::full({anchors.size(0)}, -1, truth.labels.options())
                                               : match(truth.boxes));
  }
  return matched;
}

/// One of each name, 0-d, for images on the meta device.
nn::Tensors blank_losses(const torch::Tensor& images, std::size_t count);

}  // namespace mlrun::models
