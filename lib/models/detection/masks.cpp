#include "models/detection/masks.h"

#include <optional>

#include "models/detection/dense_head.h"
#include "nn/boxes/roi_align.h"
#include "nn/conv_transpose.h"
#include "nn/init.h"

namespace mlrun::models {
namespace {

constexpr std::int64_t kMaskConvolutions = 4;

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
  MaskPredictor(std::int64_t channels, std::int64_t classes) : Sequential("MaskRCNNPredictor") {
    grow_ = std::make_shared<nn::ConvTranspose2d>(nn::ConvTransposeOptions{.in = channels, .out = channels});
    logits_ = std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = channels, .out = classes});
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
  std::shared_ptr<nn::ConvTranspose2d> grow_;
  std::shared_ptr<nn::Conv2d> logits_;
};

}  // namespace

std::shared_ptr<nn::Layer> mask_head(std::int64_t channels, bool norm) {
  return std::make_shared<MaskHead>(channels, norm);
}

std::shared_ptr<nn::Layer> mask_predictor(std::int64_t channels, std::int64_t classes) {
  return std::make_shared<MaskPredictor>(channels, classes);
}

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

}  // namespace mlrun::models
