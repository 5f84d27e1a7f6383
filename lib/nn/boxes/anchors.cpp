#include "nn/boxes/anchors.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace mlrun::nn {
namespace {

torch::Tensor vector_of(const std::vector<double>& values) { return torch::tensor(values, torch::kFloat); }

/// Anchors of one place, round zero: [sizes * ratios, 4], whole pixels in float32.
torch::Tensor around_zero(const std::vector<double>& sizes, const std::vector<double>& ratios) {
  const torch::Tensor heights = at::sqrt(vector_of(ratios)).unsqueeze(1), lengths = vector_of(sizes).unsqueeze(0);
  const torch::Tensor w = (1 / heights * lengths).flatten(), h = (heights * lengths).flatten();
  return (at::stack({-w, -h, w, h}, 1) / 2).round();
}

/// x, y of the places of a map, row by row: two of [places], from those of its columns and rows.
std::pair<torch::Tensor, torch::Tensor> places(const torch::Tensor& columns, const torch::Tensor& rows) {
  const std::int64_t width = columns.size(0), height = rows.size(0);
  return {columns.unsqueeze(0).expand({height, width}).reshape(-1),
          rows.unsqueeze(1).expand({height, width}).reshape(-1)};
}

std::vector<double> even_scales(const DefaultBoxOptions& options) {
  const auto maps = options.ratios.size();
  if (maps == 1) return {options.min_ratio, options.max_ratio};
  std::vector<double> scales;
  const double range = options.max_ratio - options.min_ratio;
  for (std::size_t k = 0; k < maps; ++k) {
    scales.push_back(options.min_ratio + range * static_cast<double>(k) / (static_cast<double>(maps) - 1));
  }
  scales.push_back(1);
  return scales;
}

/// Width and height of each of a map's boxes, for an image of length 1.
torch::Tensor extents(double scale, double next, const std::vector<std::int64_t>& ratios) {
  const double between = std::sqrt(scale * next);
  std::vector<double> values = {scale, scale, between, between};
  for (const std::int64_t ratio : ratios) {
    const double root = std::sqrt(static_cast<double>(ratio)), wide = scale * root, narrow = scale / root;
    values.insert(values.end(), {wide, narrow, narrow, wide});
  }
  return torch::tensor(values, torch::kFloat).view({-1, 2});
}

/// The type of boxes at the places of a map: its own, float32 where it holds integers of a scale.
torch::ScalarType type_at(const torch::Tensor& map) { return map.is_quantized() ? torch::kFloat : map.scalar_type(); }

/// Middles of `count` places on a side that `over` of them fill.
torch::Tensor middles(std::int64_t count, double over, const torch::Tensor& like) {
  return ((torch::arange(count) + 0.5) / over).to(type_at(like));
}

}  // namespace

AnchorGenerator::AnchorGenerator(std::vector<std::vector<double>> sizes, std::vector<std::vector<double>> ratios)
    : sizes_(std::move(sizes)), ratios_(std::move(ratios)) {
  MLRUN_ASSERT(sizes_.size() == ratios_.size(), "anchors want sizes and ratios for each map");
}

std::vector<std::int64_t> AnchorGenerator::per_place() const {
  std::vector<std::int64_t> counts;
  for (std::size_t i = 0; i < sizes_.size(); ++i) {
    counts.push_back(static_cast<std::int64_t>(sizes_[i].size() * ratios_[i].size()));
  }
  return counts;
}

std::vector<torch::Tensor> AnchorGenerator::operator()(const std::vector<torch::Tensor>& maps, std::int64_t height,
                                                       std::int64_t width) const {
  MLRUN_ASSERT(maps.size() == sizes_.size(), "anchors are for another number of maps");
  const auto options = torch::TensorOptions(maps.front().device()).dtype(type_at(maps.front()));
  std::vector<torch::Tensor> anchors;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    const std::int64_t rows = maps[i].size(-2), columns = maps[i].size(-1);
    const auto lengths = torch::arange(std::max(rows, columns), options.dtype(torch::kInt));
    const auto [x, y] =
        places(lengths.slice(0, 0, columns) * (width / columns), lengths.slice(0, 0, rows) * (height / rows));
    const torch::Tensor shifts = at::stack({x, y, x, y}, 1).unsqueeze(1);
    anchors.push_back((shifts + around_zero(sizes_[i], ratios_[i]).to(options).unsqueeze(0)).view({-1, 4}));
  }
  return anchors;
}

DefaultBoxes::DefaultBoxes(DefaultBoxOptions options)
    : options_(std::move(options)), scales_(options_.scales.empty() ? even_scales(options_) : options_.scales) {
  MLRUN_ASSERT(scales_.size() > options_.ratios.size(), "default boxes want a scale for each map and one more");
  MLRUN_ASSERT(options_.steps.empty() || options_.steps.size() == options_.ratios.size(),
               "default boxes want a step for each map");
}

std::vector<std::int64_t> DefaultBoxes::per_place() const {
  std::vector<std::int64_t> counts;
  for (const auto& ratios : options_.ratios) counts.push_back(2 + 2 * static_cast<std::int64_t>(ratios.size()));
  return counts;
}

torch::Tensor DefaultBoxes::operator()(const std::vector<torch::Tensor>& maps, std::int64_t height,
                                       std::int64_t width) const {
  MLRUN_ASSERT(maps.size() == options_.ratios.size(), "default boxes are for another number of maps");
  std::vector<torch::Tensor> centres, sizes;
  for (std::size_t k = 0; k < maps.size(); ++k) {
    const std::int64_t rows = maps[k].size(-2), columns = maps[k].size(-1);
    const auto over = [&](std::int64_t side, std::int64_t count) {
      const auto whole = static_cast<double>(options_.steps.empty() ? count : side);
      return options_.steps.empty() ? whole : whole / static_cast<double>(options_.steps[k]);
    };
    const auto [x, y] =
        places(middles(columns, over(width, columns), maps[k]), middles(rows, over(height, rows), maps[k]));
    torch::Tensor extent = extents(scales_[k], scales_[k + 1], options_.ratios[k]);
    if (options_.clip) extent = extent.clamp(0, 1);
    centres.push_back(at::stack({x, y}, 1).repeat_interleave(extent.size(0), 0));
    sizes.push_back(extent.repeat({rows * columns, 1}));
  }
  const torch::Tensor centre = at::cat(centres), half = 0.5 * at::cat(sizes).to(centre.scalar_type());
  const torch::Tensor pixels = torch::tensor({width, height}, torch::kLong);
  return at::cat({(centre - half) * pixels, (centre + half) * pixels}, 1).to(maps.front().device());
}

}  // namespace mlrun::nn
