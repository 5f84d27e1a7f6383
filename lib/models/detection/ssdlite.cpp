#include <memory>
#include <string>
#include <utility>

#include "base/error.h"
#include "models/detection/dense_head.h"
#include "models/detection/families.h"
#include "models/detection/ssd.h"
#include "nn/blocks.h"

/// SSDlite of Sandler et al., "MobileNetV2", CVPR 2018, section 6.2, on MobileNetV3 as in Howard et al., "Searching for
/// MobileNetV3", ICCV 2019, section 6.3; as torchvision builds it.
namespace mlrun::models {
namespace {

using nn::Act;

struct SsdliteBuilder {
  std::optional<int64_t> num_classes;
  std::optional<int64_t> trainable_stages;
  bool reduced_tail = true;
  double iou_thresh = 0.5, positive_fraction = 0.25;

  static void declare(config::Declare<SsdliteBuilder>& d) {
    d("num_classes", &SsdliteBuilder::num_classes, kDetectorClassesHelp).min(2);
    d("trainable_stages", &SsdliteBuilder::trainable_stages, kDetectorStagesHelp).min(0);
    d("reduced_tail", &SsdliteBuilder::reduced_tail,
      "half the channels in the backbone's last stage; false fits the published weights of a classifier");
    d("iou_thresh", &SsdliteBuilder::iou_thresh, kSsdIouHelp).above(0).max(1);
    d("positive_fraction", &SsdliteBuilder::positive_fraction, kSsdFractionHelp).above(0).max(1);
  }
};

constexpr nn::NormOptions kSsdliteNorm{.eps = 0.001, .momentum = 0.03};
constexpr double kSsdliteStd = 0.03;

/// A depthwise 3x3 convolution and one of a pixel.
std::shared_ptr<nn::Layer> separable_predictor(int64_t in, int64_t out) {
  auto block = std::make_shared<nn::Sequential>();
  block->push(nn::conv_norm_act({.in = in, .out = in, .groups = in, .norm = kSsdliteNorm, .activation = Act::Relu6}));
  block->push(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = in, .out = out}));
  return block;
}

/// Half the channels, half the size, and the channels that are wanted.
std::shared_ptr<nn::Layer> extra_block(int64_t in, int64_t out) {
  const int64_t inner = out / 2;
  const auto conv = [](nn::ConvNormActOptions options) {
    options.norm = kSsdliteNorm;
    options.activation = Act::Relu6;
    return nn::conv_norm_act(options);
  };
  auto block = std::make_shared<nn::Sequential>();
  block->push(conv({.in = in, .out = inner, .kernel = 1}));
  block->push(conv({.in = inner, .out = inner, .stride = 2, .groups = inner}));
  block->push(conv({.in = inner, .out = out, .kernel = 1}));
  return block;
}

/// MobileNetV3 cut open at the expansion of its last halving block, whose output is the first map.
class SsdliteMobilenet : public nn::Layer {
 public:
  explicit SsdliteMobilenet(const BackboneSteps& body)
      : Layer("SSDLiteFeatureExtractorMobileNet"), body_(body), channels_{0, body.steps.back().channels} {
    std::vector<std::size_t> begins;  // of stages
    for (std::size_t i = 0; i < body.steps.size(); ++i) {
      if (body.steps[i].stage) begins.push_back(i);
    }
    MLRUN_ASSERT(begins.size() >= 2, "a body of one stage");
    features_ = add("features", std::make_shared<nn::Sequential>());
    split(begins[begins.size() - 2]);
    extra_ = add("extra", std::make_shared<nn::Sequential>("ModuleList"));
    for (const int64_t out : {512, 256, 256, 128}) {
      extra_->push(extra_block(channels_.back(), out));
      channels_.push_back(out);
    }
  }

  const std::vector<int64_t>& channels() const { return channels_; }  ///< of the maps

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override {
    torch::Tensor x = inputs.front();
    nn::Tensors maps;
    for (const auto& part : features_->steps()) maps.push_back(x = call(*part, x));
    for (const auto& part : extra_->steps()) maps.push_back(x = call(*part, x));
    return maps;
  }

  void reset() override {
    body_.reset();
    for (const BodyStep& step : body_.steps) draw_normal(*step.layer, kSsdliteStd);
    extra_->reset();
    draw_normal(*extra_, kSsdliteStd);
  }

 private:
  void split(std::size_t at) {
    const auto block = std::dynamic_pointer_cast<nn::Sequential>(body_.steps[at].layer->layers().front());
    MLRUN_ASSERT(block && block->size() > 1, "no inverted residual block");
    auto before = std::make_shared<nn::Sequential>(), after = std::make_shared<nn::Sequential>();
    auto rest = std::make_shared<nn::Sequential>();
    for (std::size_t i = 0; i < at; ++i) before->push(body_.steps[i].layer);
    before->push(block->steps().front());
    for (std::size_t i = 1; i < block->size(); ++i) rest->push(std::to_string(i), block->steps()[i]);
    after->push(rest);
    for (std::size_t i = at + 1; i < body_.steps.size(); ++i) after->push(body_.steps[i].layer);
    features_->push(before);
    features_->push(after);
    const auto* conv = dynamic_cast<nn::Conv2d*>(block->steps().front()->layers().front().get());
    MLRUN_ASSERT(conv != nullptr, "no expansion");
    channels_.front() = conv->options().out;
  }

  BackboneSteps body_;
  std::vector<int64_t> channels_;
  std::shared_ptr<nn::Sequential> features_, extra_;
};

std::shared_ptr<nn::Layer> ssdlite(const SsdliteBuilder& o, const ModelRequest& request) {
  BackboneOptions body;
  body.norm_momentum = kSsdliteNorm.momentum;
  body.trainable_stages = o.trainable_stages;
  auto backbone = std::make_shared<SsdliteMobilenet>(
      make_backbone_steps("mobilenet_v3_large", body, {request.inputs, "model", o.reduced_tail}));
  const int64_t classes = outputs(o.num_classes, request);
  const std::vector<std::vector<int64_t>> ratios(backbone->channels().size(), {2, 3});
  SsdOptions options{.classes = classes,
                     .boxes = nn::DefaultBoxes({.ratios = ratios, .min_ratio = 0.2, .max_ratio = 0.95}),
                     .iou = o.iou_thresh,
                     .positive_fraction = o.positive_fraction,
                     .input = fixed_input(320),
                     .settings = {0.001, 0.55, 300, 300}};
  options.input.mean = options.input.std = {0.5, 0.5, 0.5};
  SsdHeadParts parts{
      .type = "SSDLite", .scores = {}, .codes = {}, .redraw = [](nn::Layer& root) { draw_normal(root, kSsdliteStd); }};
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    const int64_t channels = backbone->channels()[i], each = options.boxes.per_place()[i];
    parts.scores.push_back(separable_predictor(channels, each * classes));
    parts.codes.push_back(separable_predictor(channels, each * 4));
  }
  return build<Ssd>(std::move(backbone), ssd_head(parts), std::move(options));
}

}  // namespace

void add_ssdlites(ModelFactory& factory) {
  factory.add<SsdliteBuilder>("ssdlite320_mobilenet_v3_large",
                              "SSDlite: one stage on six maps of MobileNetV3, at 320 pixels", ssdlite,
                              detector_facts("ssdlite320_mobilenet_v3_large", {}));
}

}  // namespace mlrun::models
