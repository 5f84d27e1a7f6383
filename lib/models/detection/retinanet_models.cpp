#include <memory>
#include <string>
#include <utility>

#include "models/detection/families.h"
#include "models/detection/retinanet.h"

namespace mlrun::models {
namespace {

struct RetinaNetBuilder {
  std::optional<int64_t> num_classes;
  std::optional<std::string> norm;
  std::optional<double> norm_eps;
  std::optional<int64_t> trainable_stages;
  std::vector<int64_t> min_size = {800};
  int64_t max_size = 1333;
  double fg_iou_thresh = 0.5, bg_iou_thresh = 0.4;

  static void declare(config::Declare<RetinaNetBuilder>& d) {
    declare_detector(d);
    declare_sizes(d);
    declare_matches(d);
  }
};

/// What the second version has that the first has not.
struct RetinaNetVersion {
  bool second = false;
};

std::shared_ptr<nn::Layer> resnet_retinanet(const RetinaNetVersion& version, const RetinaNetBuilder& o,
                                            const ModelRequest& request) {
  PyramidOptions pyramid;
  pyramid.extra = PyramidExtra::P6P7;
  pyramid.extra_of_level = version.second;
  auto backbone = resnet_pyramid(o, {"layer2", "layer3", "layer4"}, pyramid, request);
  const int64_t classes = outputs(o.num_classes, request);
  RetinaNetHeadOptions head{.channels = pyramid.out, .anchors = 9, .classes = classes};
  if (version.second) head.norm = nn::NormOptions{.kind = nn::NormKind::Group};
  RetinaNetOptions options{.classes = classes,
                           .loss = version.second ? BoxLoss::Giou : BoxLoss::L1,
                           .high = o.fg_iou_thresh,
                           .low = o.bg_iou_thresh,
                           .anchors = octave_anchors()};
  options.input.min_sizes = o.min_size;
  options.input.max_size = o.max_size;
  return build<RetinaNet>(std::move(backbone), retinanet_head(head), std::move(options));
}

void add_resnet_retinanet(ModelFactory& factory, const std::string& name, const std::string& description,
                          const RetinaNetVersion& version) {
  factory.add<RetinaNetBuilder>(
      name, description,
      [version](const RetinaNetBuilder& options, const ModelRequest& request) {
        return resnet_retinanet(version, options, request);
      },
      detector_facts(name, {.frozen_norm = !version.second, .stages = 3, .no_eps = !version.second}));
}

}  // namespace

void add_retinanets(ModelFactory& factory) {
  add_resnet_retinanet(factory, "retinanet_resnet50_fpn", "one stage on ResNet-50's pyramid, learnt by focal loss",
                       {.second = false});
  add_resnet_retinanet(factory, "retinanet_resnet50_fpn_v2",
                       "RetinaNet with group norms in its heads, learnt by generalized IoU", {.second = true});
}

}  // namespace mlrun::models
