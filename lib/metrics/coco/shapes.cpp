#include "metrics/coco/shapes.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mlrun::metrics {
namespace {

/// Of a mask: its pixels, and the columns and rows among which they lie.
struct Extent {
  std::int64_t pixels = 0, left = 0, right = 0, top = 0, bottom = 0;  // right and bottom are the first beyond it
};

Extent extent_of(const data::RunLengths& mask) {
  Extent extent{0, mask.width, 0, mask.height, 0};
  std::int64_t place = 0;
  for (std::size_t i = 0; i < mask.counts.size(); ++i) {
    const std::int64_t end = place + mask.counts[i];
    if (i % 2 == 1 && end > place) {
      const std::int64_t first = place / mask.height, last = (end - 1) / mask.height;
      extent.pixels += end - place;
      extent.left = std::min(extent.left, first);
      extent.right = std::max(extent.right, last + 1);
      extent.top = first < last ? 0 : std::min(extent.top, place % mask.height);
      extent.bottom = first < last ? mask.height : std::max(extent.bottom, (end - 1) % mask.height + 1);
    }
    place = end;
  }
  return extent;
}

bool meet(const Extent& a, const Extent& b) {
  return std::min(a.right, b.right) > std::max(a.left, b.left) && std::min(a.bottom, b.bottom) > std::max(a.top, b.top);
}

template <class Item>
std::vector<Extent> extents_of(const std::vector<const Item*>& items) {
  std::vector<Extent> extents;
  extents.reserve(items.size());
  for (const Item* item : items) extents.push_back(extent_of(item->shape.mask));
  return extents;
}

double box_overlap(const CocoBox& found, const CocoBox& truth, bool crowd) {
  const double width = std::min(found.width + found.x, truth.width + truth.x) - std::max(found.x, truth.x);
  if (!(width > 0)) return 0;
  const double height = std::min(found.height + found.y, truth.height + truth.y) - std::max(found.y, truth.y);
  if (!(height > 0)) return 0;
  const double shared = width * height, area = found.width * found.height;
  return shared / (crowd ? area : area + truth.width * truth.height - shared);
}

/// How far a keypoint lies outside twice the object's box, along one axis.
double beyond(double place, double start, double length) {
  return std::max(0., start - length - place) + std::max(0., place - (start + length * 2));
}

double similarity(const CocoShape& found, const CocoTruth& truth, const std::vector<double>& sigmas) {
  const CocoShape& there = truth.shape;
  const std::size_t points = sigmas.size();
  if (found.keypoints.size() < 3 * points || there.keypoints.size() < 3 * points) return 0;
  std::size_t marked = 0;
  for (std::size_t i = 0; i < points; ++i) marked += there.keypoints[3 * i + 2] > 0 ? 1 : 0;
  double sum = 0;
  for (std::size_t i = 0; i < points; ++i) {
    if (marked > 0 && !(there.keypoints[3 * i + 2] > 0)) continue;
    const double x = found.keypoints[3 * i], y = found.keypoints[3 * i + 1];
    const double across = marked > 0 ? x - there.keypoints[3 * i] : beyond(x, there.box.x, there.box.width);
    const double down = marked > 0 ? y - there.keypoints[3 * i + 1] : beyond(y, there.box.y, there.box.height);
    const double variance = (sigmas[i] * 2) * (sigmas[i] * 2);
    const double area = truth.area + std::numeric_limits<double>::epsilon();
    sum += std::exp(-((across * across + down * down) / variance / area / 2));
  }
  return sum / static_cast<double>(marked > 0 ? marked : points);
}

void mask_overlaps(const std::vector<const CocoDetection*>& detections, const std::vector<const CocoTruth*>& truths,
                   std::vector<double>& result) {
  const auto found = extents_of(detections), there = extents_of(truths);
  std::size_t place = 0;
  for (std::size_t d = 0; d < detections.size(); ++d) {
    for (std::size_t g = 0; g < truths.size(); ++g, ++place) {
      if (!meet(found[d], there[g])) continue;
      const std::int64_t shared = shared_pixels(detections[d]->shape.mask, truths[g]->shape.mask);
      const std::int64_t all = truths[g]->crowd ? found[d].pixels : found[d].pixels + there[g].pixels - shared;
      if (shared > 0) result[place] = static_cast<double>(shared) / static_cast<double>(all);
    }
  }
}

}  // namespace

double area_of(CocoKind kind, const CocoShape& shape) {
  if (kind == CocoKind::Boxes) return shape.box.width * shape.box.height;
  if (kind == CocoKind::Masks) return static_cast<double>(shape.mask.area());
  if (shape.keypoints.size() < 3) return 0;
  double left = shape.keypoints[0], right = left, top = shape.keypoints[1], bottom = top;
  for (std::size_t i = 0; i + 1 < shape.keypoints.size(); i += 3) {
    left = std::min(left, shape.keypoints[i]), right = std::max(right, shape.keypoints[i]);
    top = std::min(top, shape.keypoints[i + 1]), bottom = std::max(bottom, shape.keypoints[i + 1]);
  }
  return (right - left) * (bottom - top);
}

std::int64_t shared_pixels(const data::RunLengths& a, const data::RunLengths& b) {
  if (a.height != b.height || a.width != b.width) return 0;
  std::int64_t shared = 0, end_a = 0, end_b = 0, place = 0;
  std::size_t i = 0, k = 0;  // of the runs whose ends are known
  while (true) {
    while (end_a <= place && i < a.counts.size()) end_a += a.counts[i++];
    while (end_b <= place && k < b.counts.size()) end_b += b.counts[k++];
    const std::int64_t end = std::min(end_a, end_b);
    if (end <= place) return shared;
    if (i % 2 == 0 && k % 2 == 0) shared += end - place;  // the second, the fourth … run is of 1
    place = end;
  }
}

void overlaps(const CocoSettings& settings, const std::vector<const CocoDetection*>& detections,
              const std::vector<const CocoTruth*>& truths, std::vector<double>& result) {
  result.assign(detections.size() * truths.size(), 0);
  if (settings.kind == CocoKind::Masks) return mask_overlaps(detections, truths, result);
  std::size_t place = 0;
  for (const CocoDetection* found : detections) {
    for (const CocoTruth* truth : truths) {
      result[place++] = settings.kind == CocoKind::Boxes ? box_overlap(found->shape.box, truth->shape.box, truth->crowd)
                                                         : similarity(found->shape, *truth, settings.sigmas);
    }
  }
}

}  // namespace mlrun::metrics
