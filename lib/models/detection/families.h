#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "models/architectures.h"
#include "models/detection/detector.h"
#include "models/detection/fpn.h"

/// For registry.cpp here and the families of detectors: each puts its names in.
namespace mlrun::models {

void add_retinanets(ModelFactory& factory);
void add_mobile_retinanet(ModelFactory& factory);
void add_ssds(ModelFactory& factory);
void add_ssdlites(ModelFactory& factory);
void add_fcos(ModelFactory& factory);
void add_faster_rcnns(ModelFactory& factory);
void add_mask_rcnns(ModelFactory& factory);
void add_keypoint_rcnn(ModelFactory& factory);

constexpr const char* kDetectorClassesHelp =
    "outputs, of which the first is the background; null: as many as the data has classes, and the background; where "
    "model.weights is a published name and model.head stays, its own";
constexpr const char* kDetectorStagesHelp =
    "how many stages of the backbone train, counted from the last; null: all, and where model.weights is a published "
    "name as many as torchvision then trains: 3 of a ResNet's 5 or a MobileNet's 6, 4 of VGG's 5";
constexpr const char* kSsdIouHelp = "a box of this IoU with a true one or more learns to find it";
constexpr const char* kSsdFractionHelp =
    "share of matched boxes among those that scores are learnt from; the rest are the worst of the others";

/// What the builders of detectors on a ResNet or a MobileNet take, beside their own. `Options` has the members.
template <class Options>
void declare_detector(config::Declare<Options>& d) {
  d("num_classes", &Options::num_classes, kDetectorClassesHelp).min(2);
  d("norm", &Options::norm,
    "norm of the backbone, as a backbone's `norm`; null: batch, and where model.weights is a published name frozen "
    "(of a _v2 batch)")
      .choices({"batch", "frozen", "group", "sync"});
  d("norm_eps", &Options::norm_eps,
    "added to variances there; null: the architecture's own, for frozen 1e-5, and 0 where torchvision has it for "
    "COCO_V1")
      .min(0);
  d("trainable_stages", &Options::trainable_stages, kDetectorStagesHelp).min(0);
}

/// How a detector without a fixed size takes its images.
template <class Options>
void declare_sizes(config::Declare<Options>& d) {
  d("min_size", &Options::min_size,
    "shorter side of an image, pixels; of several each image in training gets one by chance, evaluation the last")
      .min(1);
  d("max_size", &Options::max_size, "longer side at most, pixels; the shorter one is less where that needs it").min(1);
  d.rule("min_size", [](const Options& o) { return std::string(o.min_size.empty() ? "needs one size at least" : ""); });
}

/// Which anchors learn what.
template <class Options>
void declare_matches(config::Declare<Options>& d) {
  d("fg_iou_thresh", &Options::fg_iou_thresh, "an anchor of this IoU with a box or more learns to find it")
      .above(0)
      .max(1);
  d("bg_iou_thresh", &Options::bg_iou_thresh, "below this one it learns that there is nothing").min(0).max(1);
  d.rule("bg_iou_thresh", [](const Options& o) {
    return std::string(o.bg_iou_thresh > o.fg_iou_thresh ? "is above fg_iou_thresh" : "");
  });
}

/// ResNet-50 as `options` has it (those of `declare_detector`), and the pyramid on these levels.
template <class Options>
std::shared_ptr<PyramidBackbone> resnet_pyramid(const Options& options, std::vector<std::string> levels,
                                                const PyramidOptions& pyramid, const ModelRequest& request) {
  BackboneOptions body;
  body.norm = options.norm;
  body.norm_eps = options.norm_eps;
  body.trainable_stages = options.trainable_stages;
  body.levels = std::move(levels);
  return std::make_shared<PyramidBackbone>(make_backbone("resnet50", body, {request.inputs, "model"}), pyramid);
}

/// Images of one size, whatever they were.
DetectorInput fixed_input(std::int64_t size);

/// What torchvision's builder does beside loading where weights are given, of the detector or of its backbone.
struct Pretrained {
  bool frozen_norm = false;            ///< `norm: frozen`
  std::optional<std::int64_t> stages;  ///< `trainable_stages`
  bool no_eps = false;                 ///< `norm_eps: 0`, for COCO_V1 alone
};

/// Facts of a detector of torchvision: those of its published weights, and `pretrained`, see `options_for_weights`.
Json detector_facts(const std::string& name, const Pretrained& pretrained);

}  // namespace mlrun::models
