#include "data/transforms/random_crop.h"

#include <algorithm>

#include "base/error.h"
#include "data/image/resize.h"
#include "data/transforms/crop_transforms.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/sizes.h"

namespace mlrun::data {
namespace {

enum class Padding { Constant, Edge, Reflect, Symmetric };

const std::vector<std::string>& padding_modes() {
  static const std::vector<std::string> names = {"constant", "edge", "reflect", "symmetric"};
  return names;
}

/// Where position `i` of an axis of `length`, which may lie outside, is read from.
std::int64_t padded_position(std::int64_t i, std::int64_t length, Padding mode) {
  if (i >= 0 && i < length) return i;
  if (mode == Padding::Constant) return kNowhere;
  if (mode == Padding::Edge || length == 1) return std::clamp<std::int64_t>(i, 0, length - 1);
  // Both mirror with a period; `reflect` shows the ends once, `symmetric` twice.
  const std::int64_t repeat = mode == Padding::Symmetric ? 1 : 0;
  const std::int64_t period = 2 * length - 2 * (1 - repeat);
  const std::int64_t phase = ((i % period) + period) % period;
  return phase < length ? phase : period - repeat - phase;
}

/// An axis with `before` and `after` positions added.
Positions padded(const Positions& axis, std::int64_t before, std::int64_t after, Padding mode) {
  const auto length = static_cast<std::int64_t>(axis.size());
  Positions result;
  for (std::int64_t i = -before; i < length + after; ++i) {
    const std::int64_t from = padded_position(i, length, mode);
    result.push_back(from == kNowhere ? kNowhere : axis[static_cast<std::size_t>(from)]);
  }
  return result;
}

Positions whole_axis(std::int64_t length) {
  Positions axis;
  for (std::int64_t i = 0; i < length; ++i) axis.push_back(i);
  return axis;
}

class RandomCrop : public Transform {
 public:
  RandomCrop(const RandomCropOptions& options, ImageSize size)
      : options_(options), size_(size), fill_(fill_of(options.fill)) {
    const auto& padding = options.padding;
    if (!padding.empty()) {
      left_ = padding[0], top_ = padding.size() > 1 ? padding[1] : left_;
      right_ = padding.size() > 2 ? padding[2] : left_, bottom_ = padding.size() > 2 ? padding[3] : top_;
    }
    const auto& names = padding_modes();
    mode_ = static_cast<Padding>(std::find(names.begin(), names.end(), options.padding_mode) - names.begin());
  }

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    const Positions rows = axis(image.size(0), top_, bottom_, size_.height);
    const Positions columns = axis(image.size(1), left_, right_, size_.width);
    const auto height = static_cast<std::int64_t>(rows.size()), width = static_cast<std::int64_t>(columns.size());
    if (height < size_.height || width < size_.width) {
      throw UserError("random_crop: an image of " + std::to_string(height) + " x " + std::to_string(width) +
                          " pixels (with padding) is smaller than the crop of " + std::to_string(size_.height) + " x " +
                          std::to_string(size_.width),
                      "set pad_if_needed, more padding or a smaller size, or resize first");
    }
    const Positions chosen_rows = part(rows, size_.height, random);
    return gathered(image, chosen_rows, part(columns, size_.width, random), fill_);
  }

  bool plan(Window& window, KeyedRandom& random) const override {
    const Margins down = margins(window.height(), top_, bottom_, size_.height);
    const Margins across = margins(window.width(), left_, right_, size_.width);
    const std::int64_t height = down.before + window.height() + down.after;
    const std::int64_t width = across.before + window.width() + across.after;
    if (height < size_.height || width < size_.width) return false;
    if (mode_ != Padding::Constant && (height > window.height() || width > window.width())) return false;
    Box box{0, 0, size_.height, size_.width};
    draw_place(box, height, width, random);
    box.top -= down.before, box.left -= across.before;
    return window.frame(box, fill_);
  }

  Places places() const override {
    const bool pads = !options_.padding.empty() || options_.pad_if_needed || options_.pad_if_smaller;
    return pads && mode_ != Padding::Constant ? Places::Lost : Places::Planned;
  }

  void describe(Json& facts) const override { facts["input_size"] = size_json(size_.height, size_.width); }

 private:
  /// What is added to an axis.
  struct Margins {
    std::int64_t before = 0, after = 0;
  };

  Margins margins(std::int64_t length, std::int64_t before, std::int64_t after, std::int64_t wanted) const {
    const std::int64_t missing = std::max<std::int64_t>(wanted - before - length - after, 0);
    if (options_.pad_if_needed) return {before + missing, after + missing};
    return {before, after + (options_.pad_if_smaller ? missing : 0)};
  }

  Positions axis(std::int64_t length, std::int64_t before, std::int64_t after, std::int64_t wanted) const {
    Positions positions = padded(whole_axis(length), before, after, mode_);
    const std::int64_t missing = wanted - static_cast<std::int64_t>(positions.size());
    if (missing <= 0) return positions;
    if (options_.pad_if_needed) return padded(positions, missing, missing, mode_);
    return options_.pad_if_smaller ? padded(positions, 0, missing, mode_) : positions;
  }

  static Positions part(const Positions& axis, std::int64_t size, KeyedRandom& random) {
    const auto start = axis.begin() + static_cast<std::int64_t>(random.below(axis.size() - size + 1));
    return Positions(start, start + size);
  }

  RandomCropOptions options_;
  ImageSize size_;
  Fill fill_;
  Padding mode_ = Padding::Constant;
  std::int64_t left_ = 0, top_ = 0, right_ = 0, bottom_ = 0;
};

}  // namespace

void RandomCropOptions::declare(config::Declare<RandomCropOptions>& d) {
  declare_size(d);
  d("padding", &RandomCropOptions::padding,
    "added first: on every side; left and right, top and bottom; or left, top, right, bottom")
      .min(0)
      .unit("pixels");
  d("pad_if_needed", &RandomCropOptions::pad_if_needed, "pad an image that is still smaller than the crop");
  d("pad_if_smaller", &RandomCropOptions::pad_if_smaller,
    "the same, on the right and at the bottom alone, as torchvision's references for segmentation do");
  d("fill", &RandomCropOptions::fill, "value of constant padding: one, or one per channel").min(0).max(255);
  d("padding_mode", &RandomCropOptions::padding_mode, "what padding is filled with").choices(padding_modes());
  d.rule("padding", [](const RandomCropOptions& o) -> std::string {
    const std::size_t n = o.padding.size();
    return n == 3 || n > 4 ? "takes 1, 2 or 4 values, not " + std::to_string(n) : "";
  });
  d.rule("pad_if_smaller", [](const RandomCropOptions& o) -> std::string {
    return o.pad_if_smaller && o.pad_if_needed ? "is another way than pad_if_needed: set one of them" : "";
  });
}

std::unique_ptr<Transform> make_random_crop(const RandomCropOptions& options, const TransformContext& context) {
  check_per_channel("fill", options.fill.size(), context.channels);
  return std::make_unique<RandomCrop>(options, size_of(options.size, context.input_size));
}

}  // namespace mlrun::data
