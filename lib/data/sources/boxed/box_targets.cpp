#include "data/sources/boxed/box_targets.h"

#include <algorithm>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "data/sources/boxed/boxed_images.h"

namespace mlrun::data {
namespace {

void draw(const BoxedObject& object, const torch::Tensor& mask) {
  const std::int64_t height = mask.size(0), width = mask.size(1);
  auto* pixels = mask.data_ptr<std::uint8_t>();
  const auto fill = [&](const RunLengths& runs) {
    for_each_pixel(runs, [&](std::int64_t y, std::int64_t x) { pixels[y * width + x] = 1; });
  };
  if (object.runs.height > 0) fill(object.runs);
  for (const auto& outline : object.outlines) fill(rasterised(outline, height, width));
}

double area_of(const BoxedObject& object) {
  const auto& box = object.box;
  return object.area.value_or((box[2] - box[0]) * (box[3] - box[1]));
}

}  // namespace

Fields BoxTargets::of(const BoxedImage& image) const {
  const auto count = static_cast<std::int64_t>(image.objects.size());
  torch::Tensor boxes = torch::empty({count, 4}), labels = torch::empty({count}, torch::kLong);
  torch::Tensor crowd = torch::empty({count}, torch::kBool), area = torch::empty({count}, torch::kDouble);
  torch::Tensor ids = torch::empty({count}, torch::kLong), hard = torch::empty({count}, torch::kBool);
  torch::Tensor points = torch::zeros({count, keypoints, 3});
  torch::Tensor shapes;
  if (masks) shapes = torch::zeros({count, image.height, image.width}, torch::kByte);
  for (std::int64_t i = 0; i < count; ++i) {
    const BoxedObject& object = image.objects[static_cast<std::size_t>(i)];
    for (std::size_t side = 0; side < 4; ++side) {
      boxes.data_ptr<float>()[i * 4 + static_cast<std::int64_t>(side)] = static_cast<float>(object.box[side]);
    }
    labels.data_ptr<std::int64_t>()[i] = object.label;
    crowd.data_ptr<bool>()[i] = object.crowd;
    area.data_ptr<double>()[i] = area_of(object);
    ids.data_ptr<std::int64_t>()[i] = object.id;
    hard.data_ptr<bool>()[i] = object.difficult;
    const std::size_t known = std::min(object.keypoints.size(), static_cast<std::size_t>(keypoints) * 3);
    for (std::size_t k = 0; k < known; ++k) {
      points.data_ptr<float>()[i * keypoints * 3 + static_cast<std::int64_t>(k)] =
          static_cast<float>(object.keypoints[k]);
    }
    if (masks) draw(object, shapes[i]);
  }
  Fields targets{{"boxes", boxes}, {"labels", labels}, {"crowd", crowd}, {"area", area}, {"object_ids", ids}};
  targets.set("image_id", torch::scalar_tensor(image.id, torch::kLong));
  if (difficult) targets.set("difficult", hard);
  if (masks) targets.set("masks", shapes);
  if (keypoints > 0) targets.set("keypoints", points);
  return targets;
}

bool has_boxes(const DataInfo& info) { return info.facts.value("boxes", false); }

Followers box_followers(const DataInfo& info) {
  if (!has_boxes(info)) return {};
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;
  for (const auto& pair : info.facts.value("keypoint_pairs", Json::array())) {
    pairs.emplace_back(pair.at(0).get<std::int64_t>(), pair.at(1).get<std::int64_t>());
  }
  return {{"boxes", follow_boxes()},     {"labels", follow_rows()},
          {"crowd", follow_rows()},      {"area", follow_rows()},
          {"object_ids", follow_rows()}, {"difficult", follow_rows()},
          {"masks", follow_masks(0)},    {"keypoints", follow_keypoints(std::move(pairs))}};
}

}  // namespace mlrun::data
