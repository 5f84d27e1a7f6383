#include "recipes/detection/tiles.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include <torch/utils.h>

#include "data/image/window_begins.h"

namespace mlrun::detection {
namespace {

constexpr double kNearPixels = 2, kNearShare = 0.01;  // of a tile's side: so near to a border a box is cut by it

/// A part of an image.
struct Tile {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
};

/// A box that one tile shows.
struct Seen {
  Row row;
  std::size_t tile = 0;
  std::size_t place = 0;  ///< among all that were found
  bool cut = false;       ///< by a border of the tile that is none of the image
};

double area_of(const Row& row) { return (row.right - row.left) * (row.bottom - row.top); }

double shared_area(const Row& a, const Row& b) {
  const double width = std::min(a.right, b.right) - std::max(a.left, b.left);
  const double height = std::min(a.bottom, b.bottom) - std::max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

/// What all tiles found, in the pixels of the image.
class TileBoxes {
 public:
  TileBoxes(const AnswerSettings& settings, std::int64_t height, std::int64_t width)
      : settings_(settings), height_(height), width_(width) {}

  /// Masks lie in their boxes, and go with them.
  void add(const Tile& tile, Found found) {
    found.boxes = found.boxes + torch::tensor({tile.left, tile.top, tile.left, tile.top}).to(found.boxes.options());
    if (found.keypoints.defined()) {
      found.keypoints =
          found.keypoints + torch::tensor({tile.left, tile.top, std::int64_t{0}}).to(found.keypoints.options());
    }
    for (const Row& row : rows_of(found)) seen_.push_back({row, tiles_, seen_.size(), is_cut(row, tile)});
    parts_.push_back(std::move(found));
    ++tiles_;
  }

  /// The best first.
  Found merged() const {
    std::vector<Seen> left = without_covered_parts();
    std::stable_sort(left.begin(), left.end(), [](const Seen& a, const Seen& b) { return a.row.score > b.row.score; });
    std::vector<Seen> kept;
    for (const Seen& one : left) {
      const auto hides = [&](const Seen& better) {
        return comparable(better, one) && shared_area(better.row, one.row) >
                                              settings_.tile_merge * std::min(area_of(better.row), area_of(one.row));
      };
      if (std::none_of(kept.begin(), kept.end(), hides)) kept.push_back(one);
    }
    return found_of(kept);
  }

 private:
  /// Whether a border inside the image cuts the box: it ends there, or nearly so.
  bool is_cut(const Row& row, const Tile& tile) const {
    const auto near = [](double a, std::int64_t border, std::int64_t side) {
      return std::abs(a - static_cast<double>(border)) < std::max(kNearPixels, kNearShare * static_cast<double>(side));
    };
    const std::int64_t right = tile.left + tile.width, bottom = tile.top + tile.height;
    return (tile.left > 0 && near(row.left, tile.left, tile.width)) ||
           (tile.top > 0 && near(row.top, tile.top, tile.height)) ||
           (right < width_ && near(row.right, right, tile.width)) ||
           (bottom < height_ && near(row.bottom, bottom, tile.height));
  }

  bool comparable(const Seen& a, const Seen& b) const {
    return a.tile != b.tile && (settings_.agnostic_nms || a.row.label == b.row.label);
  }

  /// Each part that is mostly covered by a whole box gives it its score.
  std::vector<Seen> without_covered_parts() const {
    std::vector<const Seen*> whole;
    for (const Seen& one : seen_) {
      if (!one.cut) whole.push_back(&one);
    }
    std::vector<double> scores(seen_.size());
    std::transform(seen_.begin(), seen_.end(), scores.begin(), [](const Seen& one) { return one.row.score; });
    std::vector<Seen> left;
    for (const Seen& part : seen_) {
      const Seen* cover = part.cut ? best_cover(part, whole) : nullptr;
      if (cover == nullptr) left.push_back(part);
      else scores[cover->place] = std::max(scores[cover->place], part.row.score);
    }
    for (Seen& one : left) one.row.score = scores[one.place];
    return left;
  }

  /// The best of those that cover the part; null where none does.
  const Seen* best_cover(const Seen& part, const std::vector<const Seen*>& whole) const {
    const double least = settings_.tile_merge * area_of(part.row);
    const Seen* best = nullptr;
    for (const Seen* one : whole) {
      const bool better = best == nullptr || one->row.score > best->row.score;
      if (better && comparable(*one, part) && shared_area(one->row, part.row) > least) best = one;
    }
    return best;
  }

  Found found_of(const std::vector<Seen>& kept) const {
    std::vector<std::int64_t> places;
    std::vector<float> scores;
    for (const Seen& one : kept) {
      places.push_back(static_cast<std::int64_t>(one.place));
      scores.push_back(static_cast<float>(one.row.score));
    }
    const torch::Tensor order = torch::tensor(places, torch::kLong);
    return {rows(&Found::boxes, order), torch::tensor(scores, torch::kFloat), rows(&Found::labels, order),
            rows(&Found::keypoints, order), rows(&Found::masks, order)};
  }

  /// Those of all parts that `order` names; undefined where the model does not give them.
  torch::Tensor rows(torch::Tensor Found::*field, const torch::Tensor& order) const {
    std::vector<torch::Tensor> all;
    for (const Found& part : parts_) {
      if ((part.*field).defined()) all.push_back(part.*field);
    }
    return all.empty() ? torch::Tensor() : torch::cat(all).index_select(0, order);
  }

  const AnswerSettings& settings_;
  std::int64_t height_, width_;
  std::size_t tiles_ = 0;
  std::vector<Seen> seen_;
  std::vector<Found> parts_;
};

}  // namespace

Found detect_tiled(const AnswerSettings& settings, const torch::Tensor& image, const Detect& detect) {
  const std::int64_t height = image.size(1), width = image.size(2);
  if (!settings.tile || (height <= *settings.tile && width <= *settings.tile)) return detect(image);
  const std::int64_t side = *settings.tile, rows = std::min(height, side), columns = std::min(width, side);
  const auto stride =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(static_cast<double>(side) * (1 - settings.tile_overlap)));
  TileBoxes boxes(settings, height, width);
  for (const std::int64_t top : data::window_begins(height, rows, stride)) {
    for (const std::int64_t left : data::window_begins(width, columns, stride)) {
      boxes.add({top, left, rows, columns},
                detect(image.slice(1, top, top + rows).slice(2, left, left + columns).contiguous()));
    }
  }
  if (settings.tile_whole) boxes.add({0, 0, height, width}, detect(image));
  return boxes.merged();
}

}  // namespace mlrun::detection
