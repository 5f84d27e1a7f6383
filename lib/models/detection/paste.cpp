#include "models/detection/paste.h"

#include <algorithm>

#include "data/boxes/mask_runs.h"

namespace mlrun::models {
namespace {

/// What of a mask lies in the image, [h, w], and where; nothing where all of it is outside.
struct Patch {
  torch::Tensor pixels;
  std::int64_t top = 0, left = 0;
};

/// Masks and where they go, made wider by a pixel so that a mask can end inside its last one.
class Pasting {
 public:
  Pasting(const torch::Tensor& probabilities, const torch::Tensor& boxes, std::int64_t height, std::int64_t width)
      : height_(height), width_(width) {
    constexpr std::int64_t kPadding = 1;
    const std::int64_t side = probabilities.size(3);
    masks_ = at::constant_pad_nd(probabilities, {kPadding, kPadding, kPadding, kPadding});
    places_ = expanded(boxes, static_cast<double>(side + 2 * kPadding) / static_cast<double>(side)).cpu().contiguous();
  }

  std::int64_t size() const { return places_.size(0); }

  Patch patch(std::int64_t i) const {
    const std::int64_t* box = places_.data_ptr<std::int64_t>() + 4 * i;
    const std::int64_t left = box[0], top = box[1], right = box[2] + 1, bottom = box[3] + 1;
    const std::int64_t x0 = std::max<std::int64_t>(left, 0), x1 = std::min(right, width_);
    const std::int64_t y0 = std::max<std::int64_t>(top, 0), y1 = std::min(bottom, height_);
    if (x0 >= x1 || y0 >= y1) return {};
    const torch::Tensor grown = at::upsample_bilinear2d(
        masks_[i].unsqueeze(0), {std::max<std::int64_t>(bottom - top, 1), std::max<std::int64_t>(right - left, 1)},
        /*align_corners=*/false);
    return {grown[0][0].slice(0, y0 - top, y1 - top).slice(1, x0 - left, x1 - left), y0, x0};
  }

 private:
  /// Boxes about the same centres, `scale` times as large, as whole pixels.
  static torch::Tensor expanded(const torch::Tensor& boxes, double scale) {
    const auto half = [&](std::int64_t axis) {
      return ((boxes.select(1, axis + 2) - boxes.select(1, axis)) * 0.5) * scale;
    };
    const auto centre = [&](std::int64_t axis) { return (boxes.select(1, axis + 2) + boxes.select(1, axis)) * 0.5; };
    const torch::Tensor x = centre(0), y = centre(1), across = half(0), down = half(1);
    return at::stack({x - across, y - down, x + across, y + down}, 1).to(torch::kLong);
  }

  torch::Tensor masks_, places_;
  std::int64_t height_, width_;
};

}  // namespace

torch::Tensor pasted_masks(const torch::Tensor& probabilities, const torch::Tensor& boxes, std::int64_t height,
                           std::int64_t width) {
  const Pasting pasting(probabilities, boxes, height, width);
  torch::Tensor masks = torch::zeros({pasting.size(), 1, height, width}, probabilities.options());
  for (std::int64_t i = 0; i < pasting.size(); ++i) {
    const Patch patch = pasting.patch(i);
    if (!patch.pixels.defined()) continue;
    masks[i][0]
        .slice(0, patch.top, patch.top + patch.pixels.size(0))
        .slice(1, patch.left, patch.left + patch.pixels.size(1))
        .copy_(patch.pixels);
  }
  return masks;
}

std::vector<data::RunLengths> pasted_runs(const torch::Tensor& probabilities, const torch::Tensor& boxes,
                                          std::int64_t height, std::int64_t width, double threshold) {
  const Pasting pasting(probabilities, boxes, height, width);
  std::vector<data::RunLengths> masks;
  for (std::int64_t i = 0; i < pasting.size(); ++i) {
    const Patch patch = pasting.patch(i);
    const torch::Tensor none = torch::zeros({0, 0}, torch::kByte);
    masks.push_back(data::part_runs(patch.pixels.defined() ? patch.pixels > threshold : none, patch.top, patch.left,
                                    height, width));
  }
  return masks;
}

}  // namespace mlrun::models
