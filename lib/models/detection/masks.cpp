#include "models/detection/masks.h"

#include <algorithm>
#include <string>

#include "models/detection/conv_transpose.h"
#include "models/detection/dense_head.h"
#include "nn/boxes/roi_align.h"
#include "nn/init.h"

namespace mlrun::models {
namespace {

constexpr std::int64_t kMaskConvolutions = 4, kMaskChannels = 256;

class MaskHead : public nn::Sequential {
 public:
  MaskHead(std::int64_t channels, bool norm) : Sequential("MaskRCNNHeads") {
    const auto tower = conv_tower(channels, kMaskConvolutions, norm ? std::optional(nn::NormOptions{}) : std::nullopt);
    for (const auto& step : tower->steps()) push(step);
  }
  void reset() override {
    Sequential::reset();
    nn::init::redraw(*this);
  }
};

class MaskPredictor : public nn::Sequential {
 public:
  explicit MaskPredictor(std::int64_t classes) : Sequential("MaskRCNNPredictor") {
    grow_ = std::make_shared<ConvTranspose2d>(ConvTransposeOptions{.in = kMaskChannels, .out = kMaskChannels});
    logits_ = std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = kMaskChannels, .out = classes});
    push("conv5_mask", grow_);
    push("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
    push("mask_fcn_logits", logits_);
  }
  /// Upstream draws weights a second time, and leaves biases.
  void reset() override {
    Sequential::reset();
    const torch::NoGradGuard no_grad;
    nn::init::kaiming_normal_fan_out(grow_->weight);
    nn::init::kaiming_normal_fan_out(logits_->weight);
  }

 private:
  std::shared_ptr<ConvTranspose2d> grow_;
  std::shared_ptr<nn::Conv2d> logits_;
};

/// What one region's mask is on an image of `height` x `width`; `box` is whole pixels.
torch::Tensor pasted(const torch::Tensor& mask, const std::int64_t* box, std::int64_t height, std::int64_t width) {
  const std::int64_t left = box[0], top = box[1], right = box[2] + 1, bottom = box[3] + 1;
  const torch::Tensor grown = at::upsample_bilinear2d(
      mask.unsqueeze(0), {std::max<std::int64_t>(bottom - top, 1), std::max<std::int64_t>(right - left, 1)},
      /*align_corners=*/false);
  torch::Tensor result = torch::zeros({1, height, width}, mask.options());
  const std::int64_t x0 = std::max<std::int64_t>(left, 0), x1 = std::min(right, width);
  const std::int64_t y0 = std::max<std::int64_t>(top, 0), y1 = std::min(bottom, height);
  if (x0 >= x1 || y0 >= y1) return result;
  result.slice(1, y0, y1).slice(2, x0, x1).copy_(grown[0].slice(1, y0 - top, y1 - top).slice(2, x0 - left, x1 - left));
  return result;
}

/// Boxes about the same centres, `scale` times as large, as whole pixels.
torch::Tensor expanded(const torch::Tensor& boxes, double scale) {
  const auto side = [&](std::int64_t axis) {
    return ((boxes.select(1, axis + 2) - boxes.select(1, axis)) * 0.5) * scale;
  };
  const auto centre = [&](std::int64_t axis) { return (boxes.select(1, axis + 2) + boxes.select(1, axis)) * 0.5; };
  const torch::Tensor x = centre(0), y = centre(1), half_width = side(0), half_height = side(1);
  return at::stack({x - half_width, y - half_height, x + half_width, y + half_height}, 1).to(torch::kLong);
}

}  // namespace

std::shared_ptr<nn::Layer> mask_head(std::int64_t channels, bool norm) {
  return std::make_shared<MaskHead>(channels, norm);
}

std::shared_ptr<nn::Layer> mask_predictor(std::int64_t classes) { return std::make_shared<MaskPredictor>(classes); }

torch::Tensor mask_loss(const torch::Tensor& logits, const std::vector<RegionSamples>& objects,
                        const std::vector<torch::Tensor>& masks) {
  const std::int64_t side = logits.size(3);
  nn::Tensors targets, labels;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const RegionSamples& own = objects[i];
    if (own.boxes.size(0) == 0) continue;
    const torch::Tensor regions = at::cat({own.matched.unsqueeze(1).to(own.boxes.scalar_type()), own.boxes}, 1);
    const torch::Tensor whole = masks[i].unsqueeze(1).to(own.boxes.scalar_type());
    targets.push_back(nn::roi_align(whole, regions, {side, side, 1, /*samples=*/0, false}).squeeze(1));
    labels.push_back(own.labels);
  }
  if (targets.empty()) return logits.sum() * 0;
  const torch::Tensor label = at::cat(labels);
  const torch::Tensor own = logits.index({torch::arange(label.numel(), label.options()), label});
  return at::binary_cross_entropy_with_logits(own, at::cat(targets));
}

torch::Tensor mask_probabilities(const torch::Tensor& logits, const torch::Tensor& labels) {
  return at::sigmoid(logits.index({torch::arange(labels.numel(), labels.options()), labels})).unsqueeze(1);
}

torch::Tensor pasted_masks(const torch::Tensor& probabilities, const torch::Tensor& boxes, std::int64_t height,
                           std::int64_t width) {
  constexpr std::int64_t kPadding = 1;  // so that a mask can end inside its last pixel
  const std::int64_t side = probabilities.size(3);
  const torch::Tensor padded = at::constant_pad_nd(probabilities, {kPadding, kPadding, kPadding, kPadding});
  const torch::Tensor places =
      expanded(boxes, static_cast<double>(side + 2 * kPadding) / static_cast<double>(side)).cpu().contiguous();
  nn::Tensors masks;
  for (std::int64_t i = 0; i < boxes.size(0); ++i) {
    masks.push_back(pasted(padded[i], places.data_ptr<std::int64_t>() + 4 * i, height, width));
  }
  return masks.empty() ? probabilities.new_empty({0, 1, height, width}) : at::stack(masks);
}

}  // namespace mlrun::models
