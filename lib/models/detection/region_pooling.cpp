#include "models/detection/region_pooling.h"

#include <cmath>

#include "nn/boxes/box_ops.h"
#include "nn/boxes/roi_align.h"

namespace mlrun::models {
namespace {

constexpr double kWholeSide = 224;       // pixels of a region that belongs to ...
constexpr std::int64_t kWholeLevel = 4;  // ... the map with 1 / 16 of the image's sides
constexpr std::int64_t kSamples = 2;

/// How many times an image was halved.
std::int64_t halvings(const torch::Tensor& map, std::int64_t height) {
  return std::llround(std::log2(static_cast<double>(height) / static_cast<double>(map.size(2))));
}

/// Rows (image, left, top, right, bottom).
torch::Tensor with_image(const std::vector<torch::Tensor>& boxes) {
  std::vector<torch::Tensor> images;
  for (std::size_t i = 0; i < boxes.size(); ++i) {
    images.push_back(torch::full({boxes[i].size(0), 1}, static_cast<std::int64_t>(i), boxes[i].options()));
  }
  return at::cat({at::cat(images), at::cat(boxes)}, 1);
}

}  // namespace

nn::RoiAlign pooling_of(const torch::Tensor& map, std::int64_t height, std::int64_t size) {
  const double scale = std::exp2(-static_cast<double>(halvings(map, height)));
  return {size, size, scale, kSamples, /*aligned=*/false};
}

torch::Tensor maps_of_boxes(const std::vector<torch::Tensor>& maps, const torch::Tensor& boxes, std::int64_t height) {
  const std::int64_t first = halvings(maps.front(), height), last = halvings(maps.back(), height);
  const torch::Tensor side = at::sqrt(nn::box_area(boxes));
  const torch::Tensor level = kWholeLevel + at::log2(side / kWholeSide) + torch::full({}, 1e-6, side.options());
  return at::floor(level).clamp(first, last) - first;
}

torch::Tensor pooled_regions(const std::vector<torch::Tensor>& maps, const std::vector<torch::Tensor>& boxes,
                             std::int64_t height, std::int64_t size) {
  const torch::Tensor regions = with_image(boxes);
  const auto pooled = [&](const torch::Tensor& map, const torch::Tensor& some) {
    return nn::roi_align(map, some, pooling_of(map, height, size));
  };
  if (maps.size() == 1) return pooled(maps.front(), regions);
  const torch::Tensor level = maps_of_boxes(maps, regions.slice(1, 1), height).to(torch::kLong);
  std::vector<torch::Tensor> parts, rows;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const torch::Tensor own = at::where(level.eq(static_cast<std::int64_t>(i))).front();
    if (own.numel() == 0) continue;
    if (own.numel() == level.numel()) return pooled(maps[i], regions);
    rows.push_back(own);
    parts.push_back(pooled(maps[i], regions.index_select(0, own)));
  }
  if (parts.empty()) return pooled(maps.front(), regions);
  return at::cat(parts).index_select(0, at::cat(rows).argsort());
}

}  // namespace mlrun::models
