#include "data/transforms/follower.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "base/error.h"

namespace mlrun::data {
namespace {

torch::Tensor moved(const torch::Tensor& at, const PointMove& move) {
  const torch::Tensor result = (at - move.start) * move.ratio - move.offset;
  return move.mirrored ? move.length - result : result;
}

struct Points {
  torch::Tensor x, y;
};

/// From the image to the result: `matrix` leads back.
Points warped(const Points& points, const AffineMatrix& m) {
  const double scale = 1 / (m[0] * m[4] - m[1] * m[3]);
  const torch::Tensor x = points.x - m[2], y = points.y - m[5];
  return {(x * m[4] - y * m[1]) * scale, (y * m[0] - x * m[3]) * scale};
}

bool is_mirror(const AffineMatrix& m) { return m[0] * m[4] - m[1] * m[3] < 0; }

Box whole(const Warp& warp) { return {0, 0, warp.height, warp.width}; }

std::string shape_text(const torch::Tensor& value) {
  std::string text;
  for (const std::int64_t size : value.sizes()) text += (text.empty() ? "" : " x ") + std::to_string(size);
  return text;
}

class Boxes : public Follower {
 public:
  bool has_rows(const torch::Tensor&) const override { return true; }
  bool is_boxes() const override { return true; }

  std::string problem(const torch::Tensor& value, std::int64_t, std::int64_t) const override {
    if (value.dim() == 2 && value.size(1) == 4 && value.is_floating_point()) return "";
    return "are no rows of four floats but " + shape_text(value);
  }

  torch::Tensor follow(const Window& window, const torch::Tensor& boxes) const override {
    const PointMove across = window.across(), down = window.down();
    torch::Tensor left = moved(boxes.select(1, 0), across), right = moved(boxes.select(1, 2), across);
    torch::Tensor top = moved(boxes.select(1, 1), down), bottom = moved(boxes.select(1, 3), down);
    if (across.mirrored) std::swap(left, right);
    if (down.mirrored) std::swap(top, bottom);
    return clipped({left, top, right, bottom}, window.shown());
  }

  /// The smallest that holds the four corners.
  torch::Tensor follow(const Warp& warp, const torch::Tensor& boxes) const override {
    const torch::Tensor left = boxes.select(1, 0), top = boxes.select(1, 1);
    const torch::Tensor right = boxes.select(1, 2), bottom = boxes.select(1, 3);
    const Points corners =
        warped({torch::stack({left, right, left, right}, 1), torch::stack({top, top, bottom, bottom}, 1)}, warp.matrix);
    return clipped({corners.x.amin(1), corners.y.amin(1), corners.x.amax(1), corners.y.amax(1)}, whole(warp));
  }

 private:
  static torch::Tensor clipped(const std::array<torch::Tensor, 4>& sides, const Box& shown) {
    const std::int64_t right = shown.left + shown.width, bottom = shown.top + shown.height;
    return torch::stack({sides[0].clamp(shown.left, right), sides[1].clamp(shown.top, bottom),
                         sides[2].clamp(shown.left, right), sides[3].clamp(shown.top, bottom)},
                        1);
  }
};

class Keypoints : public Follower {
 public:
  explicit Keypoints(std::vector<std::pair<std::int64_t, std::int64_t>> pairs) : pairs_(std::move(pairs)) {}

  bool has_rows(const torch::Tensor& value) const override { return value.dim() == 3; }

  std::string problem(const torch::Tensor& value, std::int64_t, std::int64_t) const override {
    const bool fits = value.dim() >= 2 && value.size(-1) == 3 && value.is_floating_point();
    if (!fits) return "are no rows of three floats but " + shape_text(value);
    for (const auto& [left, right] : pairs_) {
      if (std::max(left, right) >= value.size(-2)) return "are too few for their pairs: " + shape_text(value);
    }
    return "";
  }

  torch::Tensor follow(const Window& window, const torch::Tensor& points) const override {
    const Points at{moved(points.select(-1, 0), window.across()), moved(points.select(-1, 1), window.down())};
    return shown_ones(at, points.select(-1, 2), window.shown(), window.mirrored() != window.upturned());
  }

  torch::Tensor follow(const Warp& warp, const torch::Tensor& points) const override {
    const Points at = warped({points.select(-1, 0), points.select(-1, 1)}, warp.matrix);
    return shown_ones(at, points.select(-1, 2), whole(warp), is_mirror(warp.matrix));
  }

 private:
  torch::Tensor shown_ones(const Points& at, const torch::Tensor& visible, const Box& shown, bool mirrored) const {
    const torch::Tensor inside =
        at.x.ge(shown.left).logical_and(at.x.le(shown.left + shown.width)).logical_and(visible.gt(0));
    const torch::Tensor kept = inside.logical_and(at.y.ge(shown.top)).logical_and(at.y.le(shown.top + shown.height));
    const torch::Tensor points = torch::stack({at.x, at.y, visible}, -1);
    const torch::Tensor result = points.masked_fill(kept.logical_not().unsqueeze(-1), 0);
    return mirrored && !pairs_.empty() ? result.index_select(-2, exchanged(result.size(-2))) : result;
  }

  torch::Tensor exchanged(std::int64_t count) const {
    std::vector<std::int64_t> order(static_cast<std::size_t>(count));
    std::iota(order.begin(), order.end(), std::int64_t{0});
    for (const auto& [left, right] : pairs_) {
      std::swap(order[static_cast<std::size_t>(left)], order[static_cast<std::size_t>(right)]);
    }
    return torch::tensor(order, torch::kLong);
  }

  std::vector<std::pair<std::int64_t, std::int64_t>> pairs_;
};

/// Each mask's pixels as bytes, whatever their type.
ImageView bytes_of(const torch::Tensor& mask) {
  const std::int64_t bytes = mask.element_size(), width = mask.size(1);
  return {static_cast<const std::uint8_t*>(mask.data_ptr()), mask.size(0), width, bytes, width * bytes};
}

class Masks : public Follower {
 public:
  explicit Masks(std::int64_t fill) : fill_(fill) {}

  bool has_pixels() const override { return true; }
  bool has_rows(const torch::Tensor& value) const override { return value.dim() == 3; }

  std::string problem(const torch::Tensor& value, std::int64_t height, std::int64_t width) const override {
    const bool fits = (value.dim() == 2 || value.dim() == 3) && value.size(-2) == height && value.size(-1) == width;
    return fits ? "" : "has " + shape_text(value);
  }

  torch::Tensor follow(const Window& window, const torch::Tensor& value) const override {
    if (window.trivial()) return value;
    const Positions rows = window.nearest_rows(), columns = window.nearest_columns();
    return each(value, window.height(), window.width(),
                [&](const ImageView& in, const auto* fill, auto* out) { gather(in, rows, columns, fill, out); });
  }

  torch::Tensor follow(const Warp& warp, const torch::Tensor& value) const override {
    return each(value, warp.height, warp.width,
                [&](const ImageView& in, const auto* fill, auto* out) { nearest_affine(in, warp.matrix, fill, out); });
  }

  torch::Tensor join(const std::vector<torch::Tensor>& parts, const std::vector<Box>& regions) const override {
    if (parts.front().dim() == 3) return Follower::join(parts, regions);
    torch::Tensor joined = torch::full_like(parts.front(), fill_);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const auto region = [&](const torch::Tensor& mask) {
        return mask.narrow(0, regions[i].top, regions[i].height).narrow(1, regions[i].left, regions[i].width);
      };
      region(joined).copy_(region(parts[i]));
    }
    return joined;
  }

 private:
  /// `move(mask, fill, memory of the result)` for one mask or for each of several.
  template <class Move>
  torch::Tensor each(const torch::Tensor& value, std::int64_t height, std::int64_t width, Move move) const {
    const torch::Tensor masks = (value.dim() == 2 ? value.unsqueeze(0) : value).contiguous();
    torch::Tensor result = torch::empty({masks.size(0), height, width}, value.options());
    const torch::Tensor fill = torch::full({1}, fill_, value.options());
    for (std::int64_t i = 0; i < masks.size(0); ++i) {
      move(bytes_of(masks[i]), static_cast<const std::uint8_t*>(fill.data_ptr()),
           static_cast<std::uint8_t*>(result[i].data_ptr()));
    }
    return value.dim() == 2 ? result.squeeze(0) : result;
  }

  std::int64_t fill_;
};

class Rows : public Follower {
 public:
  bool has_rows(const torch::Tensor&) const override { return true; }
  std::string problem(const torch::Tensor&, std::int64_t, std::int64_t) const override { return ""; }
  torch::Tensor follow(const Window&, const torch::Tensor& value) const override { return value; }
  torch::Tensor follow(const Warp&, const torch::Tensor& value) const override { return value; }
};

}  // namespace

torch::Tensor Follower::join(const std::vector<torch::Tensor>& parts, const std::vector<Box>&) const {
  return torch::cat(parts);
}

std::shared_ptr<const Follower> follow_boxes() { return std::make_shared<Boxes>(); }

std::shared_ptr<const Follower> follow_masks(std::int64_t fill) { return std::make_shared<Masks>(fill); }

std::shared_ptr<const Follower> follow_keypoints(std::vector<std::pair<std::int64_t, std::int64_t>> pairs) {
  return std::make_shared<Keypoints>(std::move(pairs));
}

std::shared_ptr<const Follower> follow_rows() { return std::make_shared<Rows>(); }

}  // namespace mlrun::data
