#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/detection/families.h"
#include "models/detection/faster_rcnn.h"

namespace mlrun::models {
namespace {

/// Which of the options a builder has.
enum class Rcnn { Plain, Keypoints, Mobile };

template <Rcnn kind>
struct RcnnBuilder {
  std::optional<int64_t> num_classes;
  std::optional<std::string> norm;
  std::optional<double> norm_eps;
  std::optional<int64_t> trainable_stages;
  std::vector<int64_t> min_size = {800};
  int64_t max_size = 1333;
  int64_t rpn_pre_nms_top_n_train = 2000, rpn_pre_nms_top_n_test = 1000;
  int64_t rpn_post_nms_top_n_train = 2000, rpn_post_nms_top_n_test = 1000;
  double rpn_nms_thresh = 0.7, rpn_score_thresh = 0;
  double rpn_fg_iou_thresh = 0.7, rpn_bg_iou_thresh = 0.3;
  int64_t rpn_batch_size_per_image = 256;
  double rpn_positive_fraction = 0.5;
  double box_fg_iou_thresh = 0.5, box_bg_iou_thresh = 0.5;
  int64_t box_batch_size_per_image = 512;
  double box_positive_fraction = 0.25;
  int64_t num_keypoints = 17;
  std::string backbone = "mobilenet_v3_large";
  std::vector<std::string> levels;
  int64_t num_filters = 128, anchor_size = 8;
  bool deep_heads = true;

  static void declare(config::Declare<RcnnBuilder>& d);
};

using FasterRcnnBuilder = RcnnBuilder<Rcnn::Plain>;
using KeypointRcnnBuilder = RcnnBuilder<Rcnn::Keypoints>;
using MobileMaskRcnnBuilder = RcnnBuilder<Rcnn::Mobile>;

template <class Builder>
void declare_proposals(config::Declare<Builder>& d) {
  d("rpn_pre_nms_top_n_train", &Builder::rpn_pre_nms_top_n_train, "anchors of a map before suppression, in training")
      .min(1);
  d("rpn_pre_nms_top_n_test", &Builder::rpn_pre_nms_top_n_test, "the same in evaluation").min(1);
  d("rpn_post_nms_top_n_train", &Builder::rpn_post_nms_top_n_train,
    "proposals of an image after suppression, in training")
      .min(1);
  d("rpn_post_nms_top_n_test", &Builder::rpn_post_nms_top_n_test, "the same in evaluation").min(1);
  d("rpn_nms_thresh", &Builder::rpn_nms_thresh, "IoU with a better proposal above which one is suppressed")
      .min(0)
      .max(1);
  d("rpn_score_thresh", &Builder::rpn_score_thresh, "least score of a proposal").min(0).max(1);
}

/// What the two stages learn from.
template <class Builder>
void declare_lessons(config::Declare<Builder>& d) {
  d("rpn_fg_iou_thresh", &Builder::rpn_fg_iou_thresh,
    "an anchor of this IoU with a box or more learns that it is an object")
      .above(0)
      .max(1);
  d("rpn_bg_iou_thresh", &Builder::rpn_bg_iou_thresh, "below this one it learns that there is nothing").min(0).max(1);
  d("rpn_batch_size_per_image", &Builder::rpn_batch_size_per_image, "anchors of an image that are learnt from").min(1);
  d("rpn_positive_fraction", &Builder::rpn_positive_fraction, "share of objects among them at most").min(0).max(1);
  d("box_fg_iou_thresh", &Builder::box_fg_iou_thresh, "a proposal of this IoU with a box or more learns its class")
      .above(0)
      .max(1);
  d("box_bg_iou_thresh", &Builder::box_bg_iou_thresh, "below this one it learns the background").min(0).max(1);
  d("box_batch_size_per_image", &Builder::box_batch_size_per_image, "proposals of an image that are learnt from")
      .min(1);
  d("box_positive_fraction", &Builder::box_positive_fraction, "share of objects among them at most").min(0).max(1);
  d.rule("rpn_bg_iou_thresh", [](const Builder& o) {
    return std::string(o.rpn_bg_iou_thresh > o.rpn_fg_iou_thresh ? "is above rpn_fg_iou_thresh" : "");
  });
  d.rule("box_bg_iou_thresh", [](const Builder& o) {
    return std::string(o.box_bg_iou_thresh > o.box_fg_iou_thresh ? "is above box_fg_iou_thresh" : "");
  });
}

/// What a detector of few filters stands on.
template <class Builder>
void declare_filters(config::Declare<Builder>& d) {
  std::vector<std::string> names;
  for (const auto& entry : backbones().entries()) names.push_back(entry.name);
  d("backbone", &Builder::backbone, "what the pyramid stands on").choices(names);
  d("levels", &Builder::levels,
    "its layers that the pyramid begins with; empty: the last ones of strides 4, 8, 16 and 32");
  d("num_filters", &Builder::num_filters, "channels of the pyramid and the heads").min(1);
  d("anchor_size", &Builder::anchor_size, "length of the smallest anchor, in strides of its map").min(1);
  d("deep_heads", &Builder::deep_heads,
    "convolutions in the head of boxes, and norms in it and in the head of masks, as the second versions have them");
}

template <Rcnn kind>
void RcnnBuilder<kind>::declare(config::Declare<RcnnBuilder>& d) {
  declare_detector(d);
  if (kind == Rcnn::Mobile) declare_filters(d);
  declare_sizes(d);
  declare_proposals(d);
  declare_lessons(d);
  if (kind == Rcnn::Keypoints) d("num_keypoints", &RcnnBuilder::num_keypoints, "points of each object").min(1);
}

template <class Builder>
FasterRcnnOptions options_of(const Builder& o, const nn::AnchorGenerator& anchors, const ModelRequest& request) {
  FasterRcnnOptions options{.proposals = {.anchors = anchors,
                                          .candidates_train = o.rpn_pre_nms_top_n_train,
                                          .proposals_train = o.rpn_post_nms_top_n_train,
                                          .proposals = o.rpn_post_nms_top_n_test,
                                          .nms_threshold = o.rpn_nms_thresh,
                                          .score_threshold = o.rpn_score_thresh,
                                          .high = o.rpn_fg_iou_thresh,
                                          .low = o.rpn_bg_iou_thresh,
                                          .batch = o.rpn_batch_size_per_image,
                                          .positive_share = o.rpn_positive_fraction}};
  options.regions = {.classes = outputs(o.num_classes, request),
                     .high = o.box_fg_iou_thresh,
                     .low = o.box_bg_iou_thresh,
                     .batch = o.box_batch_size_per_image,
                     .positive_share = o.box_positive_fraction};
  options.input.min_sizes = o.min_size;
  options.input.max_size = o.max_size;
  options.settings.candidates = o.rpn_pre_nms_top_n_test;
  return options;
}

/// On ResNet-50: the first version or the second.
struct ResnetVersion {
  bool second = false;
  RegionDetail detail = RegionDetail::None;
};

template <class Builder>
std::shared_ptr<nn::Layer> on_resnet(const ResnetVersion& version, const Builder& o, const ModelRequest& request) {
  PyramidOptions pyramid;
  if (version.second) pyramid.norm = nn::NormOptions{};
  const nn::AnchorGenerator anchors({{32}, {64}, {128}, {256}, {512}},
                                    std::vector<std::vector<double>>(5, {0.5, 1, 2}));
  FasterRcnnOptions options = options_of(o, anchors, request);
  options.proposals.depth = version.second ? 2 : 1;
  options.regions.convolutions = version.second;
  options.regions.detail = version.detail;
  options.regions.keypoints = o.num_keypoints;
  return build<FasterRcnn>(resnet_pyramid(o, {"layer1", "layer2", "layer3", "layer4"}, pyramid, request), options);
}

std::shared_ptr<nn::Layer> on_mobilenet(const FasterRcnnBuilder& o, const ModelRequest& request) {
  BackboneOptions body;
  body.norm = o.norm;
  body.norm_eps = o.norm_eps.value_or(1e-5);  // upstream asks for batch norms of LibTorch's options, not MobileNetV3's
  if (o.norm.value_or("batch") == "batch") body.norm_momentum = 0.1;
  body.trainable_stages = o.trainable_stages;
  body.levels = {"13", "16"};
  const nn::AnchorGenerator anchors(std::vector<std::vector<double>>(3, {32, 64, 128, 256, 512}),
                                    std::vector<std::vector<double>>(3, {0.5, 1, 2}));
  return build<FasterRcnn>(std::make_shared<PyramidBackbone>(
                               make_backbone("mobilenet_v3_large", body, {request.inputs, "model"}), PyramidOptions{}),
                           options_of(o, anchors, request));
}

/// The last level of each stride from 4 to 32, unless they are named.
std::vector<std::string> pyramid_levels(const MobileMaskRcnnBuilder& o, const BackboneOptions& body,
                                        const BackboneRequest& request) {
  constexpr int64_t kFinest = 4, kCoarsest = 32;
  if (!o.levels.empty()) return o.levels;
  std::map<int64_t, std::string> last;
  for (const Level& level : make_backbone(o.backbone, body, request).levels) {
    if (level.stride >= kFinest && level.stride <= kCoarsest) last[level.stride] = level.name;
  }
  std::vector<std::string> names;
  for (const auto& item : last) names.push_back(item.second);
  return names;
}

std::shared_ptr<nn::Layer> mobile_mask_rcnn(const MobileMaskRcnnBuilder& o, const ModelRequest& request) {
  const BackboneRequest from{request.inputs, "model"};
  BackboneOptions body;
  body.norm = o.norm;
  body.norm_eps = o.norm_eps;
  body.trainable_stages = o.trainable_stages;
  body.levels = pyramid_levels(o, body, from);
  const Backbone backbone = make_backbone(o.backbone, body, from);
  PyramidOptions pyramid{.out = o.num_filters, .norm = nn::NormOptions{}};
  std::vector<std::vector<double>> sizes;
  for (const Level& level : backbone.levels) sizes.push_back({static_cast<double>(o.anchor_size * level.stride)});
  sizes.push_back({2 * sizes.back().front()});
  const std::vector<std::vector<double>> ratios(sizes.size(), {0.5, 1, 2});
  FasterRcnnOptions options = options_of(o, nn::AnchorGenerator(sizes, ratios), request);
  options.proposals.channels = options.regions.channels = o.num_filters;
  options.regions.convolutions = o.deep_heads;
  options.regions.detail = RegionDetail::Masks;
  options.input.divisible = std::max<int64_t>(options.input.divisible, backbone.levels.back().stride);
  return build<FasterRcnn>(std::make_shared<PyramidBackbone>(backbone, pyramid), options);
}

void add_resnet_rcnn(ModelFactory& factory, const std::string& name, const std::string& description,
                     const ResnetVersion& version) {
  factory.add<FasterRcnnBuilder>(
      name, description,
      [version](const FasterRcnnBuilder& options, const ModelRequest& request) {
        return on_resnet(version, options, request);
      },
      detector_facts(name, {.frozen_norm = !version.second, .stages = 3, .no_eps = !version.second}));
}

}  // namespace

void add_faster_rcnns(ModelFactory& factory) {
  add_resnet_rcnn(factory, "fasterrcnn_resnet50_fpn", "Faster R-CNN: two stages on ResNet-50's pyramid", {});
  add_resnet_rcnn(factory, "fasterrcnn_resnet50_fpn_v2",
                  "Faster R-CNN with deeper heads and batch norms in them and in the pyramid", {.second = true});
  FasterRcnnBuilder mobilenet;
  mobilenet.rpn_score_thresh = 0.05;
  const Pretrained pretrained{.frozen_norm = true, .stages = 3};
  const std::string large = "fasterrcnn_mobilenet_v3_large_fpn", small = "fasterrcnn_mobilenet_v3_large_320_fpn";
  factory.add<FasterRcnnBuilder>(large, "Faster R-CNN on MobileNetV3's pyramid", on_mobilenet,
                                 detector_facts(large, pretrained), mobilenet);
  mobilenet.min_size = {320};
  mobilenet.max_size = 640;
  mobilenet.rpn_pre_nms_top_n_test = mobilenet.rpn_post_nms_top_n_test = 150;
  factory.add<FasterRcnnBuilder>(small, "Faster R-CNN on MobileNetV3's pyramid, at 320 pixels with fewer proposals",
                                 on_mobilenet, detector_facts(small, pretrained), mobilenet);
}

void add_mask_rcnns(ModelFactory& factory) {
  add_resnet_rcnn(factory, "maskrcnn_resnet50_fpn", "Mask R-CNN: Faster R-CNN that gives each object's pixels",
                  {.detail = RegionDetail::Masks});
  add_resnet_rcnn(factory, "maskrcnn_resnet50_fpn_v2", "Mask R-CNN on the second version of Faster R-CNN",
                  {.second = true, .detail = RegionDetail::Masks});
  MobileMaskRcnnBuilder mobile;
  mobile.min_size = {320};
  mobile.max_size = 640;
  mobile.rpn_post_nms_top_n_train = 500;
  mobile.rpn_post_nms_top_n_test = 300;
  mobile.box_batch_size_per_image = 128;
  const Json facts = {{"task", "detection"}, {"num_classes", 91}, {"channels", 3}, {"input_size", 320}};
  factory.add<MobileMaskRcnnBuilder>("maskrcnn_mobile", "Mask R-CNN with few filters, on any backbone",
                                     mobile_mask_rcnn, facts, mobile);
}

void add_keypoint_rcnn(ModelFactory& factory) {
  KeypointRcnnBuilder defaults;
  defaults.min_size = {640, 672, 704, 736, 768, 800};
  factory.add<KeypointRcnnBuilder>(
      "keypointrcnn_resnet50_fpn", "Keypoint R-CNN: Faster R-CNN that gives the places of each person's keypoints",
      [](const KeypointRcnnBuilder& options, const ModelRequest& request) {
        return on_resnet({.detail = RegionDetail::Keypoints}, options, request);
      },
      detector_facts("keypointrcnn_resnet50_fpn", {.frozen_norm = true, .stages = 3, .no_eps = true}), defaults);
}

}  // namespace mlrun::models
