#include "data/image/draw_boxes.h"

#include <algorithm>
#include <cmath>

namespace mlrun::data {
namespace {

constexpr double kPixelsOfFrame = 300;  // of the longer side for each pixel of a frame's width
constexpr double kPixelsOfText = 900;   // for a caption of scale 1

void fill(const torch::Tensor& image, std::int64_t left, std::int64_t top, std::int64_t right, std::int64_t bottom,
          const torch::Tensor& colour) {
  const auto inside = [](std::int64_t value, std::int64_t length) {
    return std::clamp<std::int64_t>(value, 0, length);
  };
  left = inside(left, image.size(1)), right = inside(right, image.size(1));
  top = inside(top, image.size(0)), bottom = inside(bottom, image.size(0));
  if (left < right && top < bottom) image.slice(0, top, bottom).slice(1, left, right).copy_(colour);
}

void frame(const torch::Tensor& image, const DrawnBox& drawn, std::int64_t width) {
  const torch::Tensor colour = torch::tensor({drawn.colour[0], drawn.colour[1], drawn.colour[2]}, torch::kByte);
  const auto at = [&drawn](std::size_t side) { return static_cast<std::int64_t>(std::lround(drawn.box[side])); };
  const std::int64_t left = at(0), top = at(1), right = std::max(at(2), left + 1), bottom = std::max(at(3), top + 1);
  fill(image, left, top, right, std::min(top + width, bottom), colour);
  fill(image, left, std::max(bottom - width, top), right, bottom, colour);
  fill(image, left, top, std::min(left + width, right), bottom, colour);
  fill(image, std::max(right - width, left), top, right, bottom, colour);
}

}  // namespace

torch::Tensor draw_boxes(const torch::Tensor& image, const std::vector<DrawnBox>& boxes) {
  const torch::Tensor result = image.expand({image.size(0), image.size(1), 3}).contiguous().clone();
  const auto longer = static_cast<double>(std::max(image.size(0), image.size(1)));
  const auto width = static_cast<std::int64_t>(std::clamp(longer / kPixelsOfFrame, 1.0, 8.0));
  for (const DrawnBox& box : boxes) {
    frame(result, box, width);
    if (box.caption.empty()) continue;
    draw_caption(result, box.caption, std::lround(box.box[0]), std::lround(box.box[1]),
                 std::clamp(longer / kPixelsOfText, 0.35, 2.0), box.colour);
  }
  return result;
}

}  // namespace mlrun::data
