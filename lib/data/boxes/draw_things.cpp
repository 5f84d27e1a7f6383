#include "data/boxes/draw_things.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include <torch/utils.h>

#include "base/error.h"
#include "data/boxes/draw_text.h"
#include "report/format.h"

namespace mlrun::data {
namespace {

/// The pixels of an image, and what draws on them.
class Canvas {
 public:
  explicit Canvas(const torch::Tensor& image)
      : pixels_(image.data_ptr<std::uint8_t>()), height_(image.size(0)), width_(image.size(1)) {}

  void fill(std::int64_t left, std::int64_t top, std::int64_t right, std::int64_t bottom, const Colour& colour) {
    for (std::int64_t y = std::max<std::int64_t>(top, 0); y < std::min(bottom, height_); ++y) {
      for (std::int64_t x = std::max<std::int64_t>(left, 0); x < std::min(right, width_); ++x) {
        std::copy(colour.begin(), colour.end(), pixels_ + (y * width_ + x) * 3);
      }
    }
  }

  /// Four lines whose outer edges are the box's.
  void frame(const std::array<std::int64_t, 4>& box, std::int64_t line, const Colour& colour) {
    const auto& [left, top, right, bottom] = box;
    fill(left, top, right, std::min(top + line, bottom), colour);
    fill(left, std::max(bottom - line, top), right, bottom, colour);
    fill(left, top, std::min(left + line, right), bottom, colour);
    fill(std::max(right - line, left), top, right, bottom, colour);
  }

  void line(double x, double y, double to_x, double to_y, std::int64_t thickness, const Colour& colour) {
    const double length = std::max({std::abs(to_x - x), std::abs(to_y - y), 1.0});
    const auto steps = static_cast<std::int64_t>(std::min(length, 4.0 * static_cast<double>(height_ + width_)));
    for (std::int64_t i = 0; i <= steps; ++i) {
      const double share = static_cast<double>(i) / static_cast<double>(steps);
      dot(x + (to_x - x) * share, y + (to_y - y) * share, thickness, colour);
    }
  }

  void dot(double x, double y, std::int64_t size, const Colour& colour) {
    const auto left = static_cast<std::int64_t>(std::floor(x)) - size / 2;
    const auto top = static_cast<std::int64_t>(std::floor(y)) - size / 2;
    fill(left, top, left + size, top + size, colour);
  }

  void cover(const torch::Tensor& mask, const Colour& colour) {
    const auto* in = mask.data_ptr<std::uint8_t>();
    for (std::int64_t i = 0; i < height_ * width_; ++i) {
      if (in[i] != 0) mix(i, colour);
    }
  }

  void cover(const RunLengths& mask, const Colour& colour) {
    for_each_pixel(mask, [&](std::int64_t y, std::int64_t x) { mix(y * width_ + x, colour); });
  }

 private:
  void mix(std::int64_t place, const Colour& colour) {
    for (std::size_t c = 0; c < 3; ++c) {
      auto& pixel = pixels_[place * 3 + static_cast<std::int64_t>(c)];
      pixel = static_cast<std::uint8_t>((pixel + colour[c] + 1) / 2);
    }
  }

  std::uint8_t* pixels_;
  std::int64_t height_, width_;
};

class Drawing {
 public:
  Drawing(torch::Tensor image, const DrawnThings& things, const DrawingStyle& style)
      : image_(std::move(image)), canvas_(image_), things_(things), style_(style) {
    boxes_ = things.boxes.to(torch::kFloat).contiguous();
    const std::int64_t classes = std::max<std::int64_t>(static_cast<std::int64_t>(style.names.size()), 1);
    if (things.labels.defined() && things.labels.numel() > 0) {
      labels_ = things.labels.to(torch::kLong).contiguous();
      most_ = std::max(classes, labels_.max().item<std::int64_t>() + 1);
    }
    const std::int64_t wanted = style.by_thing ? std::max<std::int64_t>(boxes_.size(0), 1) : std::max(most_, classes);
    colours_ = style.colours.empty() ? box_colours(static_cast<std::size_t>(wanted)) : style.colours;
    const std::int64_t longer = std::max(image_.size(0), image_.size(1));
    line_ = style.thickness > 0 ? style.thickness : std::max<std::int64_t>(longer / 320, 1);
  }

  torch::Tensor draw() {
    const std::int64_t count = boxes_.size(0);
    for (std::int64_t i = count; i-- > 0;) cover(i);
    for (std::int64_t i = count; i-- > 0;) {
      canvas_.frame(box(i), line_, colour(i));
      points(i);
      name(i);
    }
    return image_;
  }

 private:
  std::int64_t label(std::int64_t i) const {
    return labels_.defined() ? std::max<std::int64_t>(labels_.data_ptr<std::int64_t>()[i], 0) : 0;
  }

  const Colour& colour(std::int64_t i) const {
    return colours_[static_cast<std::size_t>(style_.by_thing ? i : label(i)) % colours_.size()];
  }

  std::array<std::int64_t, 4> box(std::int64_t i) const {
    constexpr float kFar = 1e6F;
    std::array<std::int64_t, 4> sides{};
    for (std::size_t s = 0; s < 4; ++s) {
      const float side = boxes_.data_ptr<float>()[i * 4 + static_cast<std::int64_t>(s)];
      sides[s] = std::isnan(side) ? 0 : std::lround(std::clamp(side, -kFar, kFar));
    }
    sides[2] = std::max(sides[2], sides[0] + 1);
    sides[3] = std::max(sides[3], sides[1] + 1);
    return sides;
  }

  void cover(std::int64_t i) {
    if (!things_.shapes.empty()) {
      const RunLengths& shape = things_.shapes.at(static_cast<std::size_t>(i));
      MLRUN_ASSERT(shape.height == image_.size(0) && shape.width == image_.size(1), "masks have the size of the image");
      canvas_.cover(shape, colour(i));
    }
    if (!things_.masks.defined()) return;
    const torch::Tensor mask = things_.masks[i].to(torch::kByte).contiguous();
    MLRUN_ASSERT(mask.size(0) == image_.size(0) && mask.size(1) == image_.size(1), "masks have the size of the image");
    canvas_.cover(mask, colour(i));
  }

  void points(std::int64_t i) {
    if (!things_.keypoints.defined() || things_.keypoints.size(1) == 0) return;
    const torch::Tensor all = things_.keypoints[i].to(torch::kFloat).contiguous();
    const auto* at = all.data_ptr<float>();
    const auto visible = [&](std::int64_t k) { return k < all.size(0) && at[k * 3 + 2] > 0; };
    for (const auto& [from, to] : style_.skeleton) {
      if (!visible(from) || !visible(to)) continue;
      canvas_.line(at[from * 3], at[from * 3 + 1], at[to * 3], at[to * 3 + 1], line_, colour(i));
    }
    for (std::int64_t k = 0; k < all.size(0); ++k) {
      if (visible(k)) canvas_.dot(at[k * 3], at[k * 3 + 1], 2 * line_ + 1, {255, 255, 255});
    }
  }

  void name(std::int64_t i) {
    const auto at = static_cast<std::size_t>(label(i));
    std::string text = at < style_.names.size() ? style_.names[at] : "";
    if (things_.scores.defined()) {
      text += (text.empty() ? "" : " ") + report::fixed(things_.scores[i].item<double>(), 2);
    }
    if (text.empty()) return;
    const auto sides = box(i);
    draw_label(image_, text, sides[0], sides[1], line_, colour(i));
  }

  torch::Tensor image_;
  Canvas canvas_;
  const DrawnThings& things_;
  const DrawingStyle& style_;
  torch::Tensor boxes_, labels_;
  std::vector<Colour> colours_;
  std::int64_t most_ = 1, line_ = 1;
};

}  // namespace

std::vector<Colour> box_colours(std::size_t count) {
  std::vector<Colour> colours;
  for (std::size_t i = 0; i < count; ++i) {
    const double turn = std::fmod(static_cast<double>(i) * 0.618033988749895, 1.0) * 6;  // neighbours far apart
    const double light = i / 12 % 2 == 0 ? 255 : 200, dark = i / 6 % 2 == 0 ? 40 : 110;
    const auto part = [&](double offset) {
      const double place = std::abs(std::fmod(turn + offset, 6.0) - 3);  // 3 at the colour itself, 0 across the circle
      return static_cast<std::uint8_t>(std::lround(dark + (light - dark) * std::clamp(place - 1, 0.0, 1.0)));
    };
    colours.push_back({part(0), part(4), part(2)});
  }
  return colours;
}

DrawingStyle drawing_style(const DataInfo& info) {
  DrawingStyle style;
  style.names = info.classes;
  for (const auto& line : info.facts.value("skeleton", Json::array())) {
    style.skeleton.emplace_back(line.at(0).get<std::int64_t>(), line.at(1).get<std::int64_t>());
  }
  return style;
}

torch::Tensor draw_things(const torch::Tensor& image, const DrawnThings& things, const DrawingStyle& style) {
  MLRUN_ASSERT(image.dim() == 3 && image.dtype() == torch::kByte, "an image, uint8 [H, W, C], is wanted");
  const torch::Tensor colour = image.size(2) == 1 ? image.expand({-1, -1, 3}) : image;
  return Drawing(colour.clone(at::MemoryFormat::Contiguous), things, style).draw();
}

DrawnThings scaled_things(const DrawnThings& things, double across, double down) {
  DrawnThings result = things;
  result.masks = torch::Tensor();
  result.shapes.clear();
  result.boxes = things.boxes * torch::tensor({across, down, across, down}, things.boxes.options());
  if (things.keypoints.defined()) {
    result.keypoints = things.keypoints * torch::tensor({across, down, 1.0}, things.keypoints.options());
  }
  return result;
}

}  // namespace mlrun::data
