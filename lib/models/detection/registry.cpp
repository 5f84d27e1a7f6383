#include "models/detection/families.h"

namespace mlrun::models {

Json detector_facts(const std::string& name, const Pretrained& pretrained) {
  Json any = Json::object();
  if (pretrained.frozen_norm) any["norm"] = "frozen";
  if (pretrained.stages) any["trainable_stages"] = *pretrained.stages;
  Json facts = published_facts(name);
  facts["pretrained"] = {{"any", any}};
  if (pretrained.no_eps) facts["pretrained"]["COCO_V1"] = {{"norm_eps", 0.0}};
  return facts;
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
