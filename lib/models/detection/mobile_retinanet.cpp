#include <map>
#include <memory>
#include <string>
#include <utility>

#include "models/detection/dense_head.h"
#include "models/detection/families.h"
#include "models/detection/retinanet.h"
#include "nn/init.h"
#include "nn/keras_init.h"

/// RetinaNet as TensorFlow's Model Garden builds it for phones (official/vision/modeling/decoders/fpn.py and
/// heads/dense_prediction_heads.py): separable convolutions, few filters, and each map's own batch norms behind the
/// convolutions that all maps share.
namespace mlrun::models {
namespace {

struct MobileRetinaNetBuilder {
  std::optional<int64_t> num_classes;
  std::string backbone = "mobilenet_v2";
  std::vector<std::string> levels;
  std::optional<int64_t> trainable_stages;
  int64_t num_filters = 128, num_convs = 4, anchor_size = 3;
  bool separable = true, norm_per_map = true;
  std::string box_loss = "smooth_l1";
  std::vector<int64_t> min_size = {256};
  int64_t max_size = 256;
  double fg_iou_thresh = 0.5, bg_iou_thresh = 0.5;

  static void declare(config::Declare<MobileRetinaNetBuilder>& d) {
    using O = MobileRetinaNetBuilder;
    std::vector<std::string> names;
    for (const auto& entry : backbones().entries()) names.push_back(entry.name);
    d("num_classes", &O::num_classes, kDetectorClassesHelp).min(2);
    d("backbone", &O::backbone, "what the pyramid stands on").choices(names);
    d("levels", &O::levels,
      "its layers that the pyramid begins with, from stride 8 on; empty: the last ones of strides 8, 16 and 32");
    d("trainable_stages", &O::trainable_stages, kDetectorStagesHelp).min(0);
    d("num_filters", &O::num_filters, "channels of the pyramid and the heads").min(1);
    d("num_convs", &O::num_convs, "convolutions of a head before its last").min(0);
    d("separable", &O::separable, "convolutions of pyramid and heads are depthwise ones, and then of a pixel");
    d("norm_per_map", &O::norm_per_map,
      "each map has norms of its own in the heads; false: all share them, and int8 folds them into the convolutions");
    d("anchor_size", &O::anchor_size, "length of the smallest anchor, in strides of its map").min(1);
    d("box_loss", &O::box_loss, "what boxes are learnt by").choices({"l1", "smooth_l1", "giou"});
    declare_sizes(d);
    declare_matches(d);
  }
};

constexpr nn::NormOptions kGardenNorm{.eps = 0.001, .momentum = 0.01};

struct GardenConvOptions {
  bool separable = true;
  int64_t in = 0, out = 0, kernel = 3, stride = 1;
  std::optional<double> std{};  ///< of the weights where it is not separable; nothing: VarianceScaling
  double bias = 0;              ///< that it begins with
};

/// A convolution, or a depthwise one and then one of a pixel (Keras's SeparableConv2D), as Keras draws them.
class GardenConv : public nn::UnaryLayer {
 public:
  explicit GardenConv(const GardenConvOptions& o)
      : UnaryLayer(o.separable ? "SeparableConv2d" : "Conv2d"), options_(o) {
    nn::Conv2dOptions conv{
        .in = o.in, .out = o.out, .kernel = o.kernel, .stride = o.stride, .padding = (o.kernel - 1) / 2};
    if (o.separable) {
      nn::Conv2dOptions depthwise = conv;
      depthwise.out = depthwise.groups = o.in;
      depthwise.bias = false;
      depthwise_ = add("depthwise", std::make_shared<nn::Conv2d>(depthwise));
      conv = {.in = o.in, .out = o.out};
    }
    conv_ = add(o.separable ? "pointwise" : "conv", std::make_shared<nn::Conv2d>(conv));
  }
  torch::Tensor forward(const torch::Tensor& input) override {
    return call(*conv_, depthwise_ ? call(*depthwise_, input) : input);
  }
  void reset() override {
    const torch::NoGradGuard no_grad;
    if (depthwise_) {
      nn::init::glorot_uniform(depthwise_->weight, /*depthwise=*/true);
      nn::init::glorot_uniform(conv_->weight, /*depthwise=*/false);
    } else if (options_.std) {
      nn::init::normal(conv_->weight, 0, *options_.std);
    } else {
      nn::init::variance_scaling(conv_->weight, /*depthwise=*/false);
    }
    conv_->bias.fill_(options_.bias);
  }

 private:
  GardenConvOptions options_;
  std::shared_ptr<nn::Conv2d> depthwise_, conv_;
};

std::shared_ptr<nn::Sequential> module_list() { return std::make_shared<nn::Sequential>("ModuleList"); }

/// The maps of a body's levels and two coarser ones, each with a norm at its end.
class GardenPyramid : public nn::Layer {
 public:
  static constexpr std::size_t kCoarser = 2;

  GardenPyramid(const std::vector<Level>& levels, int64_t out, bool separable) : Layer("FPN") {
    lateral_ = add("lateral", module_list());
    post_hoc_ = add("post_hoc", module_list());
    coarser_ = add("coarser", module_list());
    norm_ = add("norm", module_list());
    for (const Level& level : levels) {
      lateral_->push(conv({.separable = separable, .in = level.channels, .out = out, .kernel = 1}));
      post_hoc_->push(conv({.separable = separable, .in = out, .out = out}));
    }
    for (std::size_t i = 0; i < kCoarser; ++i) {
      coarser_->push(conv({.separable = separable, .in = out, .out = out, .stride = 2}));
    }
    for (std::size_t i = 0; i < levels.size() + kCoarser; ++i) norm_->push(nn::make_norm(out, kGardenNorm));
    relu_ = add("relu", std::make_shared<nn::Activation>(nn::Act::Relu6, /*inplace=*/false));
    resize_ = add("interpolate", std::make_shared<nn::Interpolate>(nn::InterpolateMode::Nearest));
    add_ = add("add", std::make_shared<nn::Add>());
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& levels) override {
    nn::Tensors maps(levels.size());
    torch::Tensor inner;
    for (std::size_t i = levels.size(); i-- > 0;) {
      const torch::Tensor lateral = call(*lateral_->steps()[i], levels[i]);
      inner = inner.defined() ? call(*add_, lateral, call(*resize_, inner, lateral)) : lateral;
      maps[i] = call(*post_hoc_->steps()[i], inner);
    }
    for (const auto& conv : coarser_->steps()) {
      const bool first = maps.size() == levels.size();
      maps.push_back(call(*conv, first ? maps.back() : call(*relu_, maps.back())));
    }
    for (std::size_t i = 0; i < maps.size(); ++i) maps[i] = call(*norm_->steps()[i], maps[i]);
    return maps;
  }

 private:
  static std::shared_ptr<GardenConv> conv(const GardenConvOptions& options) {
    return std::make_shared<GardenConv>(options);
  }

  std::shared_ptr<nn::Sequential> lateral_, post_hoc_, coarser_, norm_;
  std::shared_ptr<nn::Activation> relu_;
  std::shared_ptr<nn::Interpolate> resize_;
  std::shared_ptr<nn::Add> add_;
};

class GardenBackbone : public nn::Layer {
 public:
  GardenBackbone(const Backbone& backbone, int64_t out, bool separable) : Layer("BackboneWithFPN") {
    body_ = add("body", backbone.body);
    fpn_ = add("fpn", std::make_shared<GardenPyramid>(backbone.levels, out, separable));
  }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override { return call(*fpn_, call(*body_, inputs)); }

 private:
  std::shared_ptr<nn::Layer> body_, fpn_;
};

struct GardenBranchOptions {
  bool separable = true;
  int64_t channels = 128, convs = 4;
  std::size_t norms = 5;  ///< one for each map, or one for all
  int64_t out = 0;
  double bias = 0;
};

/// Convolutions for all maps, each with a norm and ReLU6 behind it, and a last one.
class GardenBranch : public nn::Layer {
 public:
  explicit GardenBranch(const GardenBranchOptions& o) : Layer("RetinaNetBranch") {
    conv_ = add("conv", module_list());
    norm_ = add("norm", module_list());
    for (int64_t i = 0; i < o.convs; ++i) {
      conv_->push(std::make_shared<GardenConv>(
          GardenConvOptions{.separable = o.separable, .in = o.channels, .out = o.channels, .std = 0.01}));
    }
    for (std::size_t map = 0; map < o.norms; ++map) {
      auto norms = module_list();
      for (int64_t i = 0; i < o.convs; ++i) norms->push(nn::make_norm(o.channels, kGardenNorm));
      norm_->push(norms);
    }
    last_ = add("last", std::make_shared<GardenConv>(GardenConvOptions{
                            .separable = o.separable, .in = o.channels, .out = o.out, .std = 1e-5, .bias = o.bias}));
    relu_ = add("relu", std::make_shared<nn::Activation>(nn::Act::Relu6));
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& maps) override {
    nn::Tensors results;
    for (std::size_t map = 0; map < maps.size(); ++map) {
      const auto norms = norm_->steps().at(norm_->size() == 1 ? 0 : map)->layers();
      torch::Tensor x = maps[map];
      for (std::size_t i = 0; i < conv_->size(); ++i) x = call(*relu_, call(*norms[i], call(*conv_->steps()[i], x)));
      results.push_back(call(*last_, x));
    }
    return results;
  }

 private:
  std::shared_ptr<nn::Sequential> conv_, norm_;
  std::shared_ptr<GardenConv> last_;
  std::shared_ptr<nn::Activation> relu_;
};

class GardenHead : public nn::Layer {
 public:
  GardenHead(GardenBranchOptions options, int64_t anchors, int64_t classes) : Layer("RetinaNetHead") {
    options.out = anchors * classes;
    options.bias = prior_logit();
    classification_ = add("classification_head", std::make_shared<GardenBranch>(options));
    options.out = anchors * 4;
    options.bias = 0;
    regression_ = add("regression_head", std::make_shared<GardenBranch>(options));
  }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& maps) override {
    nn::Tensors results = call(*classification_, maps);
    for (auto& map : call(*regression_, maps)) results.push_back(std::move(map));
    return results;
  }

 private:
  std::shared_ptr<nn::Layer> classification_, regression_;
};

/// The last level of each stride from 8 on; MobileNetV2's as the Model Garden takes them, before its widest.
Backbone garden_body(const MobileRetinaNetBuilder& o, const ModelRequest& request) {
  BackboneOptions body;
  body.trainable_stages = o.trainable_stages;
  if (backbones().at(o.backbone).facts.at("norms").get<bool>()) {
    body.norm_eps = kGardenNorm.eps;
    body.norm_momentum = kGardenNorm.momentum;
  }
  body.levels = o.levels;
  if (o.levels.empty() && o.backbone == "mobilenet_v2") body.levels = {"6", "13", "17"};
  const BackboneRequest from{request.inputs, "model"};
  if (!body.levels.empty()) return make_backbone(o.backbone, body, from);
  std::map<int64_t, std::string> last;  // by stride
  for (const Level& level : make_backbone(o.backbone, body, from).levels) {
    if (level.stride >= 8 && level.stride <= 32) last[level.stride] = level.name;
  }
  for (const auto& item : last) body.levels.push_back(item.second);
  return make_backbone(o.backbone, body, from);
}

std::shared_ptr<nn::Layer> mobile_retinanet(const MobileRetinaNetBuilder& o, const ModelRequest& request) {
  const Backbone body = garden_body(o, request);
  const std::size_t maps = body.levels.size() + GardenPyramid::kCoarser;
  const int64_t classes = outputs(o.num_classes, request);
  const GardenBranchOptions branch{
      .separable = o.separable, .channels = o.num_filters, .convs = o.num_convs, .norms = o.norm_per_map ? maps : 1};
  RetinaNetOptions options{.classes = classes,
                           .loss = box_loss_of(o.box_loss),
                           .high = o.fg_iou_thresh,
                           .low = o.bg_iou_thresh,
                           .anchors = octave_anchors(o.anchor_size * body.levels.front().stride, maps)};
  options.input.min_sizes = o.min_size;
  options.input.max_size = o.max_size;
  options.input.divisible = body.levels.back().stride << GardenPyramid::kCoarser;
  options.settings.detections = 100;
  return build<RetinaNet>(std::make_shared<GardenBackbone>(body, o.num_filters, o.separable),
                          std::make_shared<GardenHead>(branch, 9, classes), std::move(options));
}

}  // namespace

void add_mobile_retinanet(ModelFactory& factory) {
  const Json facts = {{"task", "detection"},
                      {"num_classes", 91},
                      {"channels", 3},
                      {"input_size", 256},
                      {"metrics", {{"ap", 23.3}, {"source", "TensorFlow Model Garden, official/projects/qat/vision"}}}};
  factory.add<MobileRetinaNetBuilder>("retinanet_mobile",
                                      "RetinaNet for phones: separable convolutions, few filters, on any backbone",
                                      mobile_retinanet, facts);
}

}  // namespace mlrun::models
