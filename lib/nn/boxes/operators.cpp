#include "nn/boxes/operators.h"

#include <algorithm>
#include <vector>

#include "nn/boxes/box_ops.h"

namespace mlrun::nn {
namespace {

/// Where regions are sampled along one axis: all [regions, cells * samples], and how many samples a cell has,
/// [regions].
struct Samples {
  torch::Tensor low, high, to_low, to_high, count;
  std::int64_t most;  ///< samples of a cell; those that a region has not weigh nothing
};

Samples samples_of(const torch::Tensor& begin, const torch::Tensor& end, std::int64_t cells, std::int64_t pixels,
                   const RoiAlign& how) {
  const double offset = how.aligned ? 0.5 : 0;
  const torch::Tensor start = begin * how.scale - offset;
  torch::Tensor length = end * how.scale - offset - start;
  if (!how.aligned) length = length.clamp_min(1);
  const torch::Tensor cell = length / cells;
  const torch::Tensor count = how.samples > 0 ? torch::full_like(cell, how.samples) : cell.ceil();
  const std::int64_t most = how.samples > 0 || count.numel() == 0
                                ? std::max<std::int64_t>(how.samples, 1)
                                : std::max<std::int64_t>(count.max().item<std::int64_t>(), 1);
  const auto each = [](const torch::Tensor& of_region) { return of_region.view({-1, 1, 1}); };
  const torch::Tensor cell_number = torch::arange(cells, start.options()).view({1, -1, 1});
  const torch::Tensor sample_number = torch::arange(most, start.options()).view({1, 1, -1});
  const torch::Tensor at = each(start) + cell_number * each(cell) + (sample_number + 0.5) * each(cell) / each(count);
  const torch::Tensor inside = at.ge(-1).logical_and(at.le(pixels)).logical_and(sample_number < each(count));
  const torch::Tensor place = at::where(inside, at, torch::zeros_like(at)).clamp(0, pixels - 1).flatten(1);
  const torch::Tensor low = place.floor(), weight = inside.flatten(1).to(at.scalar_type());
  const torch::Tensor rest = place - low;
  return {low.to(torch::kLong),
          (low + 1).clamp_max(pixels - 1).to(torch::kLong),
          (1 - rest) * weight,
          rest * weight,
          count,
          most};
}

/// Of up to a few regions: `pixels` [N * H * W, C] of maps of `height` x `width`.
torch::Tensor pooled(const torch::Tensor& pixels, const torch::Tensor& regions, std::int64_t height, std::int64_t width,
                     const RoiAlign& how) {
  const auto column = [&](std::int64_t i) { return regions.select(1, i); };
  const Samples y = samples_of(column(2), column(4), how.height, height, how);
  const Samples x = samples_of(column(1), column(3), how.width, width, how);
  const torch::Tensor first = (column(0).to(torch::kLong) * (height * width)).view({-1, 1, 1});
  const auto corner = [&](const torch::Tensor& row, const torch::Tensor& of_row, const torch::Tensor& place,
                          const torch::Tensor& of_place) {
    const torch::Tensor pixel = first + (row * width).unsqueeze(2) + place.unsqueeze(1);
    return pixels.index_select(0, pixel.flatten()) * (of_row.unsqueeze(2) * of_place.unsqueeze(1)).view({-1, 1});
  };
  const torch::Tensor values = corner(y.low, y.to_low, x.low, x.to_low) + corner(y.low, y.to_low, x.high, x.to_high) +
                               corner(y.high, y.to_high, x.low, x.to_low) +
                               corner(y.high, y.to_high, x.high, x.to_high);
  const torch::Tensor sums =
      values.view({regions.size(0), how.height, y.most, how.width, x.most, pixels.size(1)}).sum({2, 4});
  return sums.permute({0, 3, 1, 2}) / (y.count * x.count).clamp_min(1).view({-1, 1, 1, 1});
}

}  // namespace

torch::Tensor box_iou_by_operators(const torch::Tensor& a, const torch::Tensor& b) {
  const torch::Tensor one = a.unsqueeze(1);
  const torch::Tensor begin = at::max(one.slice(2, 0, 2), b.slice(1, 0, 2));
  const torch::Tensor end = at::min(one.slice(2, 2, 4), b.slice(1, 2, 4));
  const torch::Tensor sides = (end - begin).clamp_min(0);
  const torch::Tensor common = sides.select(2, 0) * sides.select(2, 1);
  return common / (box_area(a).unsqueeze(1) + box_area(b) - common);
}

torch::Tensor nms_by_operators(const torch::Tensor& boxes, const torch::Tensor& scores, double iou_threshold) {
  const torch::Tensor order = std::get<1>(scores.sort(/*stable=*/true, /*dim=*/0, /*descending=*/true));
  const torch::Tensor sorted = boxes.index_select(0, order);
  const torch::Tensor above = box_iou_by_operators(sorted, sorted).gt(iou_threshold).triu(1);
  // A box remains where none that remains is above it. Each round settles the next box at least; few are needed.
  torch::Tensor kept = torch::ones_like(order, torch::kBool);
  while (true) {
    const torch::Tensor next = above.logical_and(kept.unsqueeze(1)).any(0).logical_not();
    if (next.equal(kept)) break;
    kept = next;
  }
  return order.index_select(0, at::where(kept).front());
}

torch::Tensor roi_align_by_operators(const torch::Tensor& maps, const torch::Tensor& regions, const RoiAlign& how) {
  const auto type = maps.scalar_type();
  if (type == torch::kHalf || type == torch::kBFloat16) {
    return roi_align_by_operators(maps.to(torch::kFloat), regions.to(torch::kFloat), how).to(type);
  }
  const std::int64_t height = maps.size(2), width = maps.size(3);
  const torch::Tensor pixels = maps.permute({0, 2, 3, 1}).reshape({-1, maps.size(1)});
  constexpr std::int64_t kRegions = 256;  // at once, so that their samples need little memory
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : regions.split(kRegions)) parts.push_back(pooled(pixels, part, height, width, how));
  return at::cat(parts);
}

}  // namespace mlrun::nn
