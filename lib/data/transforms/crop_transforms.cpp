#include "data/transforms/crop_transforms.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "data/image/resize.h"
#include "data/transforms/image_transforms.h"

namespace mlrun::data {
namespace {

struct Size {
  std::int64_t height = 0, width = 0;
};

Size size_of(const std::vector<std::int64_t>& size, std::int64_t otherwise) {
  if (size.empty()) return {otherwise, otherwise};
  return {size.front(), size.back()};
}

/// `size` of all three crops.
template <class Options>
void declare_size(config::Declare<Options>& d) {
  d("size", &Options::size, "one side, or height and width; empty: the input size that the model was published with")
      .min(1)
      .unit("pixels");
  d.rule("size", [](const Options& o) { return size_problem(o.size); });
}

constexpr std::int64_t kFill = -1;

/// Where each row (or column) of a result is read from; kFill where nothing is there.
using Positions = std::vector<std::int64_t>;

/// The rows and columns named, in that order, from `image`.
torch::Tensor gather(const torch::Tensor& image, const Positions& rows, const Positions& columns,
                     const std::vector<std::int64_t>& fill) {
  const ImageView view = view_of(image);
  std::vector<std::uint8_t> blank(static_cast<std::size_t>(view.channels));
  for (std::size_t c = 0; c < blank.size(); ++c) blank[c] = static_cast<std::uint8_t>(fill[c % fill.size()]);
  const auto height = static_cast<std::int64_t>(rows.size()), width = static_cast<std::int64_t>(columns.size());
  auto result = torch::empty({height, width, view.channels}, torch::kUInt8);
  auto* out = result.data_ptr<std::uint8_t>();
  for (const auto y : rows) {
    for (const auto x : columns) {
      const bool inside = y != kFill && x != kFill;
      out = std::copy_n(inside ? view.row(y) + x * view.channels : blank.data(), view.channels, out);
    }
  }
  return result;
}

std::int64_t half_to_even(std::int64_t twice) {
  const std::int64_t half = twice / 2;
  return twice % 2 == 0 ? half : half + half % 2;
}

Positions centered(std::int64_t length, std::int64_t size) {
  const std::int64_t start = size > length ? -((size - length) / 2) : half_to_even(length - size);
  Positions positions;
  for (std::int64_t i = start; i < start + size; ++i) positions.push_back(i < 0 || i >= length ? kFill : i);
  return positions;
}

class CenterCrop : public Transform {
 public:
  explicit CenterCrop(Size size) : size_(size) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom&) const override {
    const std::int64_t height = image.size(0), width = image.size(1);
    const Positions rows = centered(height, size_.height), columns = centered(width, size_.width);
    if (size_.height > height || size_.width > width) return gather(image, rows, columns, {0});
    return to_tensor(crop(view_of(image), rows.front(), columns.front(), size_.height, size_.width));
  }

  bool plan(Window& window, KeyedRandom&) const override {
    if (size_.height > window.height() || size_.width > window.width()) return false;
    window.crop({centered(window.height(), size_.height).front(), centered(window.width(), size_.width).front(),
                 size_.height, size_.width});
    return true;
  }

  void describe(Json& facts) const override { facts["input_size"] = size_json(size_.height, size_.width); }

 private:
  Size size_;
};

enum class Padding { Constant, Edge, Reflect, Symmetric };

const std::vector<std::string>& padding_modes() {
  static const std::vector<std::string> names = {"constant", "edge", "reflect", "symmetric"};
  return names;
}

/// Where position `i` of an axis of `length`, which may lie outside, is read from.
std::int64_t padded_position(std::int64_t i, std::int64_t length, Padding mode) {
  if (i >= 0 && i < length) return i;
  if (mode == Padding::Constant) return kFill;
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
    result.push_back(from == kFill ? kFill : axis[static_cast<std::size_t>(from)]);
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
  RandomCrop(const RandomCropOptions& options, Size size) : options_(options), size_(size) {
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
    return gather(image, chosen_rows, part(columns, size_.width, random), options_.fill);
  }

  bool plan(Window& window, KeyedRandom& random) const override {
    const bool pads = left_ + top_ + right_ + bottom_ > 0;
    const std::int64_t down = window.height() - size_.height, across = window.width() - size_.width;
    if (pads || down < 0 || across < 0) return false;
    const auto top = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(down + 1)));
    const auto left = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(across + 1)));
    window.crop({top, left, size_.height, size_.width});
    return true;
  }

  void describe(Json& facts) const override { facts["input_size"] = size_json(size_.height, size_.width); }

 private:
  Positions axis(std::int64_t length, std::int64_t before, std::int64_t after, std::int64_t wanted) const {
    Positions positions = padded(whole_axis(length), before, after, mode_);
    const std::int64_t missing = wanted - static_cast<std::int64_t>(positions.size());
    if (options_.pad_if_needed && missing > 0) positions = padded(positions, missing, missing, mode_);
    return positions;
  }

  static Positions part(const Positions& axis, std::int64_t size, KeyedRandom& random) {
    const auto start = axis.begin() + static_cast<std::int64_t>(random.below(axis.size() - size + 1));
    return Positions(start, start + size);
  }

  RandomCropOptions options_;
  Size size_;
  Padding mode_ = Padding::Constant;
  std::int64_t left_ = 0, top_ = 0, right_ = 0, bottom_ = 0;
};

class RandomResizedCrop : public Transform {
 public:
  RandomResizedCrop(const RandomResizedCropOptions& options, Size size)
      : options_(options), size_(size), interpolation_(interpolation_of(options.interpolation)) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    const ImageView view = view_of(image);
    const Box box = random_resized_box(view.height, view.width, options_.scale, options_.ratio, random);
    return resize(crop(view, box.top, box.left, box.height, box.width), size_.height, size_.width, interpolation_);
  }

  bool plan(Window& window, KeyedRandom& random) const override {
    const Box box = random_resized_box(window.height(), window.width(), options_.scale, options_.ratio, random);
    return window.crop_and_resize(box, size_.height, size_.width, interpolation_);
  }

  void describe(Json& facts) const override {
    facts["input_size"] = size_json(size_.height, size_.width);
    facts["interpolation"] = interpolation_names()[static_cast<std::size_t>(interpolation_)];
  }

 private:
  RandomResizedCropOptions options_;
  Size size_;
  Interpolation interpolation_;
};

std::int64_t rounded(double value) { return static_cast<std::int64_t>(std::nearbyint(value)); }

Box centered_box(std::int64_t height, std::int64_t width, double narrowest, double widest) {
  const double ratio = static_cast<double>(width) / static_cast<double>(height);
  Box box{0, 0, height, width};
  if (ratio < narrowest) box.height = rounded(static_cast<double>(width) / narrowest);
  else if (ratio > widest) box.width = rounded(static_cast<double>(height) * widest);
  box.height = std::clamp<std::int64_t>(box.height, 1, height);
  box.width = std::clamp<std::int64_t>(box.width, 1, width);
  box.top = (height - box.height) / 2;
  box.left = (width - box.width) / 2;
  return box;
}

}  // namespace

std::pair<std::int64_t, std::int64_t> draw_sides(double area, const std::vector<double>& scale,
                                                 const std::vector<double>& ratio, KeyedRandom& random) {
  const double target = area * random.uniform(scale[0], scale[1]);
  const double aspect = std::exp(random.uniform(std::log(ratio[0]), std::log(ratio[1])));
  return {rounded(std::sqrt(target * aspect)), rounded(std::sqrt(target / aspect))};
}

void draw_place(Box& box, std::int64_t height, std::int64_t width, KeyedRandom& random) {
  box.top = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(height - box.height + 1)));
  box.left = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(width - box.width + 1)));
}

Box random_resized_box(std::int64_t height, std::int64_t width, const std::vector<double>& scale,
                       const std::vector<double>& ratio, KeyedRandom& random) {
  const double area = static_cast<double>(height) * static_cast<double>(width);
  for (int attempt = 0; attempt < kDrawAttempts; ++attempt) {
    Box box;
    std::tie(box.width, box.height) = draw_sides(area, scale, ratio, random);
    if (box.width < 1 || box.width > width || box.height < 1 || box.height > height) continue;
    draw_place(box, height, width, random);
    return box;
  }
  return centered_box(height, width, ratio[0], ratio[1]);
}

void CenterCropOptions::declare(config::Declare<CenterCropOptions>& d) { declare_size(d); }

std::unique_ptr<Transform> make_center_crop(const CenterCropOptions& options, const TransformContext& context) {
  return std::make_unique<CenterCrop>(size_of(options.size, context.input_size));
}

void RandomCropOptions::declare(config::Declare<RandomCropOptions>& d) {
  declare_size(d);
  d("padding", &RandomCropOptions::padding,
    "added first: on every side; left and right, top and bottom; or left, top, right, bottom")
      .min(0)
      .unit("pixels");
  d("pad_if_needed", &RandomCropOptions::pad_if_needed, "pad an image that is still smaller than the crop");
  d("fill", &RandomCropOptions::fill, "value of constant padding: one, or one per channel").min(0).max(255);
  d("padding_mode", &RandomCropOptions::padding_mode, "what padding is filled with").choices(padding_modes());
  d.rule("padding", [](const RandomCropOptions& o) -> std::string {
    const std::size_t n = o.padding.size();
    return n == 3 || n > 4 ? "takes 1, 2 or 4 values, not " + std::to_string(n) : "";
  });
}

std::unique_ptr<Transform> make_random_crop(const RandomCropOptions& options, const TransformContext& context) {
  check_per_channel("fill", options.fill.size(), context.channels);
  return std::make_unique<RandomCrop>(options, size_of(options.size, context.input_size));
}

void RandomResizedCropOptions::declare(config::Declare<RandomResizedCropOptions>& d) {
  declare_size(d);
  d("scale", &RandomResizedCropOptions::scale, "smallest and largest area of the crop, as shares of the image")
      .length(2)
      .above(0)
      .max(1);
  d("ratio", &RandomResizedCropOptions::ratio, "smallest and largest width / height of the crop").length(2).above(0);
  d("interpolation", &RandomResizedCropOptions::interpolation,
    "how pixels are interpolated; antialiased, as Pillow does")
      .choices(interpolation_names());
  d.rule("scale", [](const RandomResizedCropOptions& o) -> std::string {
    return o.scale[0] > o.scale[1] ? "the smallest comes first" : "";
  });
  d.rule("ratio", [](const RandomResizedCropOptions& o) -> std::string {
    return o.ratio[0] > o.ratio[1] ? "the smallest comes first" : "";
  });
}

std::unique_ptr<Transform> make_random_resized_crop(const RandomResizedCropOptions& options,
                                                    const TransformContext& context) {
  return std::make_unique<RandomResizedCrop>(options, size_of(options.size, context.input_size));
}

}  // namespace mlrun::data
