#include <algorithm>

#include <torch/types.h>

#include "base/error.h"
#include "data/transforms/follower.h"

namespace mlrun::data {

void Followers::check(const Fields& targets, std::int64_t height, std::int64_t width, const std::string& sample) const {
  for (const auto& [name, follower] : items_) {
    if (!targets.has(name)) continue;
    const std::string problem = follower->problem(targets.tensor(name), height, width);
    if (!problem.empty()) {
      throw UserError("sample " + sample + ": its " + name + " " + problem + " where its image has " +
                          std::to_string(height) + " x " + std::to_string(width) + " pixels",
                      "mend or remove it");
    }
  }
}

void Followers::follow(const Window& window, Fields& targets, Kind kind) const {
  for (const auto& [name, follower] : items_) {
    if (follower->has_pixels() != (kind == Kind::Pixels) || !targets.has(name)) continue;
    targets.set(name, follower->follow(window, targets.tensor(name)));
  }
}

void Followers::follow(const Window& window, Fields& targets) const {
  follow(window, targets, Kind::Points);
  follow(window, targets, Kind::Pixels);
}

void Followers::follow(const Warp& warp, Fields& targets) const {
  for (const auto& [name, follower] : items_) {
    if (targets.has(name)) targets.set(name, follower->follow(warp, targets.tensor(name)));
  }
}

std::string Followers::boxes_of(const Fields& targets) const {
  for (const auto& [name, follower] : items_) {
    if (follower->is_boxes() && targets.has(name)) return name;
  }
  return "";
}

std::string Followers::masks_of(const Fields& targets) const {
  for (const auto& [name, follower] : items_) {
    if (targets.has(name) && follower->has_pixels() && follower->has_rows(targets.tensor(name))) return name;
  }
  return "";
}

void Followers::keep(Fields& targets, const torch::Tensor& kept) const {
  if (kept.all().item<bool>()) return;
  const torch::Tensor rows = kept.nonzero().flatten();
  for (const auto& [name, follower] : items_) {
    if (!targets.has(name) || !follower->has_rows(targets.tensor(name))) continue;
    targets.set(name, targets.tensor(name).index_select(0, rows));
  }
}

void Followers::keep_shown(Fields& targets) const {
  const std::string boxes = boxes_of(targets);
  if (!boxes.empty()) keep(targets, has_area(targets.tensor(boxes)));
}

Fields Followers::join(const std::vector<Fields>& parts, const std::vector<Box>& regions) const {
  Fields joined = parts.front();
  for (const auto& [name, follower] : items_) {
    if (!joined.has(name)) continue;
    std::vector<torch::Tensor> values;
    for (const Fields& part : parts) values.push_back(part.tensor(name));
    joined.set(name, follower->join(values, regions));
  }
  return joined;
}

torch::Tensor has_area(const torch::Tensor& boxes, double least) {
  const torch::Tensor sides = boxes.slice(1, 2, 4) - boxes.slice(1, 0, 2);
  return sides.gt(0).logical_and(sides.ge(least)).all(1);
}

void keep_rows(Fields& targets, const std::vector<std::string>& names, const torch::Tensor& kept) {
  const torch::Tensor rows = kept.nonzero().flatten();
  for (const std::string& name : names) {
    if (targets.has(name)) targets.set(name, targets.tensor(name).index_select(0, rows));
  }
}

}  // namespace mlrun::data
