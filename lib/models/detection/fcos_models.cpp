#include <memory>
#include <string>
#include <utility>

#include "models/detection/families.h"
#include "models/detection/fcos.h"

namespace mlrun::models {
namespace {

struct FcosBuilder {
  std::optional<int64_t> num_classes;
  std::optional<std::string> norm;
  std::optional<double> norm_eps;
  std::optional<int64_t> trainable_stages;
  std::vector<int64_t> min_size = {800};
  int64_t max_size = 1333;
  double center_sampling_radius = 1.5;

  static void declare(config::Declare<FcosBuilder>& d) {
    declare_detector(d);
    declare_sizes(d);
    d("center_sampling_radius", &FcosBuilder::center_sampling_radius,
      "strides round the middle of a box inside which a place learns to find it")
        .above(0);
  }
};

}  // namespace

void add_fcos(ModelFactory& factory) {
  factory.add<FcosBuilder>(
      "fcos_resnet50_fpn", "FCOS: one stage without anchors on ResNet-50's pyramid",
      [](const FcosBuilder& o, const ModelRequest& request) {
        PyramidOptions pyramid;
        pyramid.extra = PyramidExtra::P6P7;
        FcosOptions options{.classes = outputs(o.num_classes, request), .radius = o.center_sampling_radius};
        options.input.min_sizes = o.min_size;
        options.input.max_size = o.max_size;
        return build<Fcos>(resnet_pyramid(o, {"layer2", "layer3", "layer4"}, pyramid, request), std::move(options));
      },
      detector_facts("fcos_resnet50_fpn", {.frozen_norm = true, .stages = 3}));
}

}  // namespace mlrun::models
