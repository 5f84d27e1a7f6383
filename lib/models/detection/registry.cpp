#include "models/detection/families.h"

namespace mlrun::models {

Json coco_facts(std::int64_t input_size, double box_ap) {
  return {{"task", "detection"},
          {"num_classes", 91},
          {"channels", 3},
          {"input_size", input_size},
          {"metrics", {{"ap", box_ap}, {"source", "torchvision 0.14.1, https://pytorch.org/vision/0.14/models.html"}}}};
}

DetectorInput fixed_input(std::int64_t size) {
  DetectorInput input;
  input.min_sizes = {size};
  input.max_size = input.fixed_height = input.fixed_width = size;
  input.divisible = 1;
  return input;
}

void add_detectors(ModelFactory& factory) {
  add_retinanets(factory);
  add_mobile_retinanet(factory);
  add_ssds(factory);
  add_ssdlites(factory);
  add_fcos(factory);
  add_faster_rcnns(factory);
  add_mask_rcnns(factory);
  add_keypoint_rcnn(factory);
}

}  // namespace mlrun::models
