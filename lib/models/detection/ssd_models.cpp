#include <memory>
#include <string>
#include <utility>

#include "models/detection/dense_head.h"
#include "models/detection/families.h"
#include "models/detection/ssd.h"
#include "nn/meta.h"

namespace mlrun::models {
namespace {

struct SsdBuilder {
  std::optional<int64_t> num_classes;
  std::optional<int64_t> trainable_stages;
  double iou_thresh = 0.5, positive_fraction = 0.25;

  static void declare(config::Declare<SsdBuilder>& d) {
    d("num_classes", &SsdBuilder::num_classes, kDetectorClassesHelp).min(2);
    d("trainable_stages", &SsdBuilder::trainable_stages, kDetectorStagesHelp).min(0);
    d("iou_thresh", &SsdBuilder::iou_thresh, kSsdIouHelp).above(0).max(1);
    d("positive_fraction", &SsdBuilder::positive_fraction, kSsdFractionHelp).above(0).max(1);
  }
};

/// Each pixel's vector of channels at length one, times a factor for each channel, which is its owner's.
class Normalize : public nn::UnaryLayer {
 public:
  explicit Normalize(torch::Tensor scale) : UnaryLayer("Normalize"), scale_(std::move(scale)) {}
  torch::Tensor forward(const torch::Tensor& input) override {
    const torch::Tensor length = at::linalg_vector_norm(input, 2, at::IntArrayRef{1}, /*keepdim=*/true);
    return input / length.clamp_min(1e-12) * nn::beside(input, scale_).view({1, -1, 1, 1});
  }

 private:
  torch::Tensor scale_;
};

std::shared_ptr<nn::Conv2d> ssd_conv(int64_t in, int64_t out, int64_t kernel, int64_t stride = 1, int64_t padding = 0,
                                     int64_t dilation = 1) {
  return std::make_shared<nn::Conv2d>(nn::Conv2dOptions{
      .in = in, .out = out, .kernel = kernel, .stride = stride, .padding = padding, .dilation = dilation});
}

void push_relu(nn::Sequential& layers) { layers.push(std::make_shared<nn::Activation>(nn::Act::Relu)); }

/// VGG-16 up to conv5_3, its fully connected layers as dilated convolutions, and four halvings behind them.
class SsdVgg : public nn::Layer {
 public:
  static constexpr int64_t kScaled = 512, kWide = 1024;  // channels of conv4_3 and of the former linear layers

  explicit SsdVgg(BackboneSteps steps) : Layer("SSDFeatureExtractorVGG"), draw_body_(std::move(steps.reset)) {
    scale_weight_ = register_parameter("scale_weight", torch::empty({kScaled}));
    features_ = add("features", std::make_shared<nn::Sequential>());
    extra_ = add("extra", std::make_shared<nn::Sequential>("ModuleList"));
    auto fifth = std::make_shared<nn::Sequential>();
    int64_t pools = 0;
    for (BodyStep& step : steps.steps) {
      const bool pool = step.layer->type() == "MaxPool2d";
      pools += pool ? 1 : 0;
      if (pool && pools == 5) break;
      if (pool && pools == 3) step.layer = std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{.ceil_mode = true});
      (pools < 4 ? features_ : fifth)->push(step.layer);
    }
    fifth->push(fc_ = dense_part());
    extra_->push(fifth);
    push_extra(kWide, 256, 512, 2);
    push_extra(512, 128, 256, 2);
    push_extra(256, 128, 256, 1);
    push_extra(256, 128, 256, 1);
    normalize_ = add("normalize", std::make_shared<Normalize>(scale_weight_));
  }

  static std::vector<int64_t> channels() { return {kScaled, kWide, 512, 256, 256, 256}; }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    torch::Tensor x = call(*features_, inputs.front());
    nn::Tensors maps = {call(*normalize_, x)};
    for (const auto& block : extra_->steps()) maps.push_back(x = call(*block, x));
    return maps;
  }

  void reset() override {
    const torch::NoGradGuard no_grad;
    draw_body_();
    scale_weight_.fill_(20);
    const auto& blocks = extra_->steps();
    for (std::size_t i = 1; i < blocks.size(); ++i) blocks[i]->reset();
    for (std::size_t i = 1; i < blocks.size(); ++i) draw_xavier(*blocks[i]);
    fc_->reset();
    draw_xavier(*fc_);
  }

 private:
  static std::shared_ptr<nn::Sequential> dense_part() {
    auto fc = std::make_shared<nn::Sequential>();
    fc->push(std::make_shared<nn::MaxPool2d>(nn::MaxPool2dOptions{.kernel = 3, .stride = 1, .padding = 1}));
    fc->push(ssd_conv(kScaled, kWide, 3, 1, 6, 6));
    push_relu(*fc);
    fc->push(ssd_conv(kWide, kWide, 1));
    push_relu(*fc);
    return fc;
  }
  /// The last two maps shrink by what a convolution without padding takes.
  void push_extra(int64_t in, int64_t between, int64_t out, int64_t stride) {
    auto block = std::make_shared<nn::Sequential>();
    block->push(ssd_conv(in, between, 1));
    push_relu(*block);
    block->push(ssd_conv(between, out, 3, stride, stride == 2 ? 1 : 0));
    push_relu(*block);
    extra_->push(block);
  }

  std::function<void()> draw_body_;
  torch::Tensor scale_weight_;
  std::shared_ptr<nn::Sequential> features_, extra_, fc_;
  std::shared_ptr<Normalize> normalize_;
};

std::shared_ptr<nn::Layer> vgg_head(const std::vector<int64_t>& per_place, int64_t classes) {
  SsdHeadParts parts{.type = "SSD", .scores = {}, .codes = {}, .redraw = draw_xavier};
  const auto channels = SsdVgg::channels();
  for (std::size_t i = 0; i < channels.size(); ++i) {
    parts.scores.push_back(predictor(channels[i], per_place[i] * classes));
    parts.codes.push_back(predictor(channels[i], per_place[i] * 4));
  }
  return ssd_head(parts);
}

std::shared_ptr<nn::Layer> ssd300(const SsdBuilder& o, const ModelRequest& request) {
  BackboneOptions body;
  body.trainable_stages = o.trainable_stages;
  auto backbone = std::make_shared<SsdVgg>(make_backbone_steps("vgg16", body, {request.inputs, "model"}));
  const int64_t classes = outputs(o.num_classes, request);
  SsdOptions options{.classes = classes,
                     .boxes = nn::DefaultBoxes({.ratios = {{2}, {2, 3}, {2, 3}, {2, 3}, {2}, {2}},
                                                .scales = {0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05},
                                                .steps = {8, 16, 32, 64, 100, 300}}),
                     .iou = o.iou_thresh,
                     .positive_fraction = o.positive_fraction,
                     .input = fixed_input(300),
                     .settings = {0.01, 0.45, 200, 400}};
  options.input.mean = {0.48235, 0.45882, 0.40784};
  options.input.std = {1.0 / 255, 1.0 / 255, 1.0 / 255};
  return build<Ssd>(std::move(backbone), vgg_head(options.boxes.per_place(), classes), std::move(options));
}

}  // namespace

void add_ssds(ModelFactory& factory) {
  factory.add<SsdBuilder>("ssd300_vgg16", "SSD: one stage on six maps of VGG-16, at 300 pixels", ssd300,
                          detector_facts("ssd300_vgg16", {.stages = 4}));
}

}  // namespace mlrun::models
