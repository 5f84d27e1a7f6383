#include <utility>

#include "models/architectures.h"
#include "nn/blocks.h"
#include "nn/interpolate.h"

/// Segmenters on a backbone, as torchvision builds them: FCN (Long et al., CVPR 2015), DeepLabV3 (Chen et al.,
/// "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017), LR-ASPP (Howard et al., ICCV 2019).
namespace mlrun::models {
namespace {

using nn::Tensors;

struct SegmenterOptions {
  std::optional<int64_t> num_classes;
  bool aux_loss = true;
  std::optional<std::string> norm;
  std::optional<int64_t> trainable_stages;

  static void declare(config::Declare<SegmenterOptions>& d) {
    d("num_classes", &SegmenterOptions::num_classes, kNumClassesHelp).min(1);
    d("aux_loss", &SegmenterOptions::aux_loss, "a second head on an earlier stage, which training alone runs");
    d("norm", &SegmenterOptions::norm, "norm of the backbone, as a backbone's `norm`; null: batch")
        .choices({"batch", "frozen", "group", "sync"});
    d("trainable_stages", &SegmenterOptions::trainable_stages,
      "how many stages of the backbone train, counted from the last; null: all")
        .min(0);
  }
};

/// LR-ASPP has no second head.
struct LrasppOptions {
  std::optional<int64_t> num_classes;
  int64_t inter_channels = 128;

  static void declare(config::Declare<LrasppOptions>& d) {
    d("num_classes", &LrasppOptions::num_classes, kNumClassesHelp).min(1);
    d("inter_channels", &LrasppOptions::inter_channels, "channels of the head").min(1);
  }
};

std::shared_ptr<nn::Conv2d> pointwise(int64_t in, int64_t out, bool bias = true) {
  return std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = in, .out = out, .bias = bias});
}

/// Adds to `layers` a convolution that keeps the size, batch norm and ReLU.
void push_conv(nn::Sequential& layers, int64_t in, int64_t out, int64_t kernel, int64_t dilation = 1) {
  const int64_t padding = dilation * (kernel - 1) / 2;
  layers.push(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{
      .in = in, .out = out, .kernel = kernel, .padding = padding, .dilation = dilation, .bias = false}));
  layers.push(std::make_shared<nn::BatchNorm2d>(out));
  layers.push(std::make_shared<nn::Activation>(nn::Act::Relu));
}

std::shared_ptr<nn::Layer> fcn_head(int64_t in, int64_t classes) {
  auto head = std::make_shared<nn::Sequential>("FCNHead");
  push_conv(*head, in, in / 4, 3);
  head->push(std::make_shared<nn::Dropout>(0.1));
  head->push(pointwise(in / 4, classes));
  return head;
}

/// The mean of all pixels, through a convolution and back to every pixel. Its one pixel is normalized with those of the
/// other images alone.
class AsppPooling : public nn::UnaryLayer {
 public:
  AsppPooling(int64_t in, int64_t out) : UnaryLayer("ASPPPooling") {
    steps_ = {add("0", std::make_shared<nn::AdaptiveAvgPool2d>(1)), add("1", pointwise(in, out, false)),
              add("2", std::make_shared<nn::BatchNorm2d>(out)),
              add("3", std::make_shared<nn::Activation>(nn::Act::Relu))};
    resize_ = add("interpolate", std::make_shared<nn::Interpolate>());
  }
  torch::Tensor forward(const torch::Tensor& input) override {
    torch::Tensor x = input;
    for (const auto& step : steps_) x = call(*step, x);
    return call(*resize_, x, input);
  }

 private:
  std::vector<std::shared_ptr<nn::Layer>> steps_;
  std::shared_ptr<nn::Interpolate> resize_;
};

/// Atrous spatial pyramid pooling: what is around each pixel at several distances.
class Aspp : public nn::UnaryLayer {
 public:
  explicit Aspp(int64_t in) : UnaryLayer("ASPP") {
    constexpr int64_t kOut = 256;
    convs_ = add("convs", std::make_shared<nn::Sequential>("ModuleList"));
    auto first = std::make_shared<nn::Sequential>();
    push_conv(*first, in, kOut, 1);
    convs_->push(first);
    for (const int64_t rate : {12, 24, 36}) {
      auto conv = std::make_shared<nn::Sequential>("ASPPConv");
      push_conv(*conv, in, kOut, 3, rate);
      convs_->push(conv);
    }
    convs_->push(std::make_shared<AsppPooling>(in, kOut));
    project_ = add("project", std::make_shared<nn::Sequential>());
    push_conv(*project_, static_cast<int64_t>(convs_->size()) * kOut, kOut, 1);
    project_->push(std::make_shared<nn::Dropout>(0.5));
    concat_ = add("concat", std::make_shared<nn::Concat>());
  }
  torch::Tensor forward(const torch::Tensor& input) override {
    Tensors parts;
    for (const auto& conv : convs_->steps()) parts.push_back(call(*conv, input));
    return call(*project_, call(*concat_, parts).front());
  }

 private:
  std::shared_ptr<nn::Sequential> convs_, project_;
  std::shared_ptr<nn::Concat> concat_;
};

std::shared_ptr<nn::Layer> deeplab_head(int64_t in, int64_t classes) {
  auto head = std::make_shared<nn::Sequential>("DeepLabHead");
  head->push(std::make_shared<Aspp>(in));
  push_conv(*head, 256, 256, 3);
  head->push(pointwise(256, classes));
  return head;
}

/// A head on the last level, and where it is asked for one on an earlier level.
class Segmenter : public nn::Layer {
 public:
  Segmenter(std::string type, const Backbone& backbone, std::shared_ptr<nn::Layer> classifier,
            std::shared_ptr<nn::Layer> aux)
      : Layer(std::move(type)) {
    backbone_ = add("backbone", backbone.body);
    classifier_ = add("classifier", std::move(classifier));
    if (aux) aux_ = add("aux_classifier", std::move(aux));
    resize_ = add("interpolate", std::make_shared<nn::Interpolate>());
  }

  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    const Tensors levels = call(*backbone_, inputs);
    const torch::Tensor& image = inputs.front();
    Tensors outputs = {call(*resize_, call(*classifier_, levels.back()), image)};
    if (aux_ && is_training()) outputs.push_back(call(*resize_, call(*aux_, levels.front()), image));
    return outputs;
  }
  nn::Interface interface() const override {
    if (!aux_) return {{{"input"}}, {{"out"}}};
    return {{{"input"}}, {{"out"}, {"aux", false, /*training_only=*/true}}};
  }
  std::vector<std::string> heads() const override {
    return aux_ ? std::vector<std::string>{"classifier", "aux_classifier"} : std::vector<std::string>{"classifier"};
  }
  /// Upstream constructs the second head before the first.
  void reset() override {
    backbone_->reset();
    if (aux_) aux_->reset();
    classifier_->reset();
  }

 private:
  std::shared_ptr<nn::Layer> backbone_, classifier_, aux_;
  std::shared_ptr<nn::Interpolate> resize_;
};

class LrasppHead : public nn::Layer {
 public:
  LrasppHead(int64_t low, int64_t high, int64_t inter, int64_t classes) : Layer("LRASPPHead") {
    cbr_ = add("cbr", std::make_shared<nn::Sequential>());
    push_conv(*cbr_, high, inter, 1);
    scale_ = add("scale", std::make_shared<nn::Sequential>());
    scale_->push(std::make_shared<nn::AdaptiveAvgPool2d>(1));
    scale_->push(pointwise(high, inter, false));
    scale_->push(std::make_shared<nn::Activation>(nn::Act::Sigmoid));
    low_classifier_ = add("low_classifier", pointwise(low, classes));
    high_classifier_ = add("high_classifier", pointwise(inter, classes));
    mul_ = add("mul", std::make_shared<nn::Mul>());
    resize_ = add("interpolate", std::make_shared<nn::Interpolate>());
    add_ = add("add", std::make_shared<nn::Add>());
  }
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    const torch::Tensor &low = inputs.at(0), &high = inputs.at(1);
    const torch::Tensor x = call(*mul_, call(*cbr_, high), call(*scale_, high));
    const torch::Tensor near = call(*low_classifier_, low);
    return {call(*add_, near, call(*high_classifier_, call(*resize_, x, low)))};
  }

 private:
  std::shared_ptr<nn::Sequential> cbr_, scale_;
  std::shared_ptr<nn::Conv2d> low_classifier_, high_classifier_;
  std::shared_ptr<nn::Mul> mul_;
  std::shared_ptr<nn::Interpolate> resize_;
  std::shared_ptr<nn::Add> add_;
};

class Lraspp : public nn::Layer {
 public:
  Lraspp(const Backbone& backbone, int64_t inter, int64_t classes) : Layer("LRASPP") {
    backbone_ = add("backbone", backbone.body);
    classifier_ = add("classifier", std::make_shared<LrasppHead>(backbone.levels.front().channels,
                                                                 backbone.levels.back().channels, inter, classes));
    resize_ = add("interpolate", std::make_shared<nn::Interpolate>());
  }
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override {
    const Tensors levels = call(*backbone_, inputs);
    return {call(*resize_, call(*classifier_, levels).front(), inputs.front())};
  }
  nn::Interface interface() const override { return {{{"input"}}, {{"out"}}}; }
  std::vector<std::string> heads() const override {
    return {"classifier.low_classifier", "classifier.high_classifier"};
  }

 private:
  std::shared_ptr<nn::Layer> backbone_, classifier_;
  std::shared_ptr<nn::Interpolate> resize_;
};

using MakeHead = std::shared_ptr<nn::Layer> (*)(int64_t in, int64_t classes);

/// A released combination: its backbone without the strides of the last stages, and the two levels that heads stand on.
struct Combination {
  const char *name, *description, *type;
  MakeHead head;
  const char* backbone;
  std::vector<bool> dilated;
  std::vector<std::string> levels;  ///< the second head's, the first head's
};

const std::vector<Combination>& combinations() {
  static const std::vector<bool> stages = {false, true, true};
  static const std::vector<std::string> resnet = {"layer3", "layer4"}, mobilenet = {"4", "16"};
  static const std::vector<Combination> rows = {
      {"fcn_resnet50", "a convolution on ResNet-50's last map", "FCN", fcn_head, "resnet50", stages, resnet},
      {"fcn_resnet101", "a convolution on ResNet-101's last map", "FCN", fcn_head, "resnet101", stages, resnet},
      {"fcn_mobilenet_v3_large",
       "a convolution on MobileNetV3's last map",
       "FCN",
       fcn_head,
       "mobilenet_v3_large",
       {true},
       mobilenet},
      {"deeplabv3_resnet50", "pyramid pooling on ResNet-50", "DeepLabV3", deeplab_head, "resnet50", stages, resnet},
      {"deeplabv3_resnet101", "pyramid pooling on ResNet-101", "DeepLabV3", deeplab_head, "resnet101", stages, resnet},
      {"deeplabv3_mobilenet_v3_large",
       "pyramid pooling on MobileNetV3",
       "DeepLabV3",
       deeplab_head,
       "mobilenet_v3_large",
       {true},
       mobilenet}};
  return rows;
}

Backbone backbone_of(const Combination& combination, const SegmenterOptions& options, const ModelRequest& request) {
  BackboneOptions wanted;
  wanted.norm = options.norm;
  wanted.trainable_stages = options.trainable_stages;
  wanted.replace_stride_with_dilation = combination.dilated;
  wanted.levels = combination.levels;
  if (!options.aux_loss) wanted.levels = {combination.levels.back()};
  return make_backbone(combination.backbone, wanted, {request.inputs, "model"});
}

Json facts_of(const std::string& name) {
  if (!published_weights(name).empty()) return published_facts(name);
  Json facts = published_facts("lraspp_mobilenet_v3_large");  // trained and evaluated in the same way, not released
  facts.erase("weights");
  facts["metrics"] = {{"miou", 57.8},
                      {"pixel_acc", 90.9},
                      {"source",
                       "PyTorch blog, 2021, Everything you need to know about TorchVision's MobileNetV3 "
                       "implementation"}};
  return facts;
}

std::shared_ptr<nn::Layer> make_segmenter(const Combination& row, const SegmenterOptions& options,
                                          const ModelRequest& request) {
  const Backbone backbone = backbone_of(row, options, request);
  const int64_t classes = outputs(options.num_classes, request);
  const auto aux = options.aux_loss ? fcn_head(backbone.levels.front().channels, classes) : nullptr;
  return build<Segmenter>(row.type, backbone, row.head(backbone.levels.back().channels, classes), aux);
}

}  // namespace

void add_segmenters(ModelFactory& factory) {
  for (const Combination& row : combinations()) {
    factory.add<SegmenterOptions>(
        row.name, row.description,
        [&row](const SegmenterOptions& options, const ModelRequest& request) {
          return make_segmenter(row, options, request);
        },
        facts_of(row.name));
  }
  factory.add<LrasppOptions>(
      "lraspp_mobilenet_v3_large", "two levels of MobileNetV3, the upper one weighed by its mean",
      [=](const LrasppOptions& options, const ModelRequest& request) {
        BackboneOptions wanted;
        wanted.replace_stride_with_dilation = {true};
        wanted.levels = {"4", "16"};
        return build<Lraspp>(make_backbone("mobilenet_v3_large", wanted, {request.inputs, "model"}),
                             options.inter_channels, outputs(options.num_classes, request));
      },
      facts_of("lraspp_mobilenet_v3_large"));
}

}  // namespace mlrun::models
