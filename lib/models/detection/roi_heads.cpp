#include "models/detection/roi_heads.h"

#include <utility>

#include "models/detection/keypoints.h"
#include "models/detection/masks.h"
#include "nn/blocks.h"
#include "nn/boxes/box_ops.h"
#include "nn/init.h"

namespace mlrun::models {
namespace {

constexpr std::int64_t kFeatures = 1024;  // of a region

class TwoLayers : public nn::UnaryLayer {
 public:
  explicit TwoLayers(std::int64_t in) : UnaryLayer("TwoMLPHead") {
    flatten_ = add("flatten", std::make_shared<nn::Flatten>());
    fc6_ = add("fc6", std::make_shared<nn::Linear>(in, kFeatures));
    relu6_ = add("relu6", std::make_shared<nn::Activation>(nn::Act::Relu));
    fc7_ = add("fc7", std::make_shared<nn::Linear>(kFeatures, kFeatures));
    relu7_ = add("relu7", std::make_shared<nn::Activation>(nn::Act::Relu));
  }
  torch::Tensor forward(const torch::Tensor& pooled) override {
    const torch::Tensor x = call(*relu6_, call(*fc6_, call(*flatten_, pooled)));
    return call(*relu7_, call(*fc7_, x));
  }

 private:
  std::shared_ptr<nn::Flatten> flatten_;
  std::shared_ptr<nn::Linear> fc6_, fc7_;
  std::shared_ptr<nn::Activation> relu6_, relu7_;
};

class ConvolutionsAndLayer : public nn::Sequential {
 public:
  ConvolutionsAndLayer(std::int64_t channels, std::int64_t side) : Sequential("FastRCNNConvFCHead") {
    for (int i = 0; i < 4; ++i) push(nn::conv_norm_act({.in = channels, .out = channels}));
    push(std::make_shared<nn::Flatten>());
    push(std::make_shared<nn::Linear>(channels * side * side, kFeatures));
    push(std::make_shared<nn::Activation>(nn::Act::Relu));
  }
  /// Upstream draws its convolutions a second time.
  void reset() override {
    Sequential::reset();
    const torch::NoGradGuard no_grad;
    for (nn::Layer* layer : all_layers()) {
      if (auto* conv = dynamic_cast<nn::Conv2d*>(layer)) nn::init::kaiming_normal_fan_out(conv->weight);
    }
  }
};

class RegionPredictor : public nn::Layer {
 public:
  explicit RegionPredictor(std::int64_t classes) : Layer("FastRCNNPredictor") {
    logits_ = add("cls_score", std::make_shared<nn::Linear>(kFeatures, classes));
    codes_ = add("bbox_pred", std::make_shared<nn::Linear>(kFeatures, classes * 4));
  }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& features) override {
    return {call(*logits_, features.front()), call(*codes_, features.front())};
  }

 private:
  std::shared_ptr<nn::Linear> logits_, codes_;
};

std::shared_ptr<nn::Layer> region_head(const RegionOptions& o) {
  if (o.convolutions) return std::make_shared<ConvolutionsAndLayer>(o.channels, o.side);
  return std::make_shared<TwoLayers>(o.channels * o.side * o.side);
}

/// float32 at least.
torch::Tensor wide(const torch::Tensor& values) {
  const auto type = values.scalar_type();
  return type == torch::kHalf || type == torch::kBFloat16 ? values.to(torch::kFloat) : values;
}

/// What each proposal learns.
RegionSamples lessons(const torch::Tensor& proposals, const torch::Tensor& boxes, const torch::Tensor& labels,
                      const nn::Matcher& matcher) {
  if (boxes.size(0) == 0) {
    const torch::Tensor none = torch::zeros({proposals.size(0)}, labels.options());
    return {proposals, none, none};
  }
  const torch::Tensor matched = matcher(nn::box_iou(boxes, proposals)), row = matched.clamp_min(0);
  const torch::Tensor label = labels.index_select(0, row)
                                  .masked_fill(matched.eq(nn::Matcher::kBelow), 0)
                                  .masked_fill(matched.eq(nn::Matcher::kBetween), -1);
  return {proposals, row, label};
}

}  // namespace

RegionSamples objects_of(const RegionSamples& samples) {
  const torch::Tensor rows = at::where(samples.labels.gt(0)).front();
  return {samples.boxes.index_select(0, rows), samples.matched.index_select(0, rows),
          samples.labels.index_select(0, rows)};
}

RegionHeads::RegionHeads(const RegionOptions& options)
    : Layer("RoIHeads"),
      options_(options),
      coder_({10, 10, 5, 5}),
      matcher_(options.high, options.low, /*low_quality=*/false) {
  head_ = add("box_head", region_head(options));
  predictor_ = add("box_predictor", std::make_shared<RegionPredictor>(options.classes));
  if (options.detail == RegionDetail::Masks) {
    detail_head_ = add("mask_head", mask_head(options.channels, /*norm=*/options.convolutions));
    detail_predictor_ = add("mask_predictor", mask_predictor(options.channels, options.classes));
  }
  if (options.detail == RegionDetail::Keypoints) {
    detail_head_ = add("keypoint_head", keypoint_head(options.channels));
    detail_predictor_ = add("keypoint_predictor", keypoint_predictor(options.keypoints));
  }
}

nn::Tensors RegionHeads::forward(const nn::Tensors& pooled) { return call(*predictor_, call(*head_, pooled)); }

torch::Tensor RegionHeads::detail(const torch::Tensor& pooled) const {
  return call(*detail_predictor_, call(*detail_head_, pooled));
}

void RegionHeads::reset_detail() {
  if (!detail_head_) return;
  detail_head_->reset();
  detail_predictor_->reset();
}

std::vector<RegionSamples> RegionHeads::sample(const std::vector<torch::Tensor>& proposals,
                                               const std::vector<Truth>& truths) const {
  std::vector<RegionSamples> samples;
  for (std::size_t i = 0; i < truths.size(); ++i) {
    const torch::Tensor boxes = truths[i].boxes.to(proposals[i].scalar_type());
    const RegionSamples own = lessons(at::cat({proposals[i], boxes}), boxes, truths[i].labels, matcher_);
    const auto [positive, negative] = nn::sample_balanced(own.labels, options_.batch, options_.positive_share);
    const torch::Tensor rows = std::get<0>(at::cat({positive, negative}).sort());
    samples.push_back(
        {own.boxes.index_select(0, rows), own.matched.index_select(0, rows), own.labels.index_select(0, rows)});
  }
  return samples;
}

nn::Tensors RegionHeads::losses(const nn::Tensors& outputs, const std::vector<RegionSamples>& samples,
                                const std::vector<Truth>& truths) const {
  nn::Tensors labels, targets;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const RegionSamples& own = samples[i];
    labels.push_back(own.labels);
    const RegionSamples objects = objects_of(own);
    const torch::Tensor boxes = truths[i].boxes.index_select(0, objects.matched);
    targets.push_back(coder_.encode(boxes.to(objects.boxes.scalar_type()), objects.boxes));
  }
  const torch::Tensor label = at::cat(labels), objects = at::where(label.gt(0)).front();
  const torch::Tensor logits = wide(outputs[0]), codes = wide(outputs[1]).view({label.numel(), options_.classes, 4});
  const torch::Tensor own = codes.index({objects, label.index_select(0, objects)});
  const torch::Tensor of_boxes = at::smooth_l1_loss(own, at::cat(targets), at::Reduction::Sum, 1.0 / 9);
  return {at::cross_entropy_loss(logits, label), of_boxes / label.numel()};
}

std::vector<Found> RegionHeads::find(const nn::Tensors& outputs, const std::vector<torch::Tensor>& proposals,
                                     const std::vector<ImageSize>& sizes, const DetectionSettings& how) const {
  const torch::Tensor scores = at::softmax(wide(outputs[0]), -1), codes = wide(outputs[1]);
  std::vector<Found> found;
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < proposals.size(); begin += proposals[i++].size(0)) {
    const std::int64_t count = proposals[i].size(0);
    const torch::Tensor own = scores.narrow(0, begin, count);
    const auto places = at::where(own.slice(1, 1).gt(how.score_threshold));
    const torch::Tensor &row = places[0], label = places[1] + 1;
    const torch::Tensor code = codes.narrow(0, begin, count).view({count, options_.classes, 4}).index({row, label});
    const torch::Tensor boxes =
        nn::clip_boxes(coder_.decode(code, proposals[i].index_select(0, row)), sizes[i].first, sizes[i].second);
    const torch::Tensor kept = nn::rows_of_sides(boxes, kLeastBoxSide);
    found.push_back(best_found(
        {boxes.index_select(0, kept), own.index({row, label}).index_select(0, kept), label.index_select(0, kept)},
        how));
  }
  return found;
}

}  // namespace mlrun::models
