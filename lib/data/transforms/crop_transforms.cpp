#include "data/transforms/crop_transforms.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "data/image/resize.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/sizes.h"

namespace mlrun::data {
namespace {

std::int64_t half_to_even(std::int64_t twice) {
  const std::int64_t half = twice / 2;
  return twice % 2 == 0 ? half : half + half % 2;
}

std::int64_t start_of_middle(std::int64_t length, std::int64_t size) {
  return size > length ? -((size - length) / 2) : half_to_even(length - size);
}

Positions centered(std::int64_t length, std::int64_t size) {
  const std::int64_t start = start_of_middle(length, size);
  Positions positions;
  for (std::int64_t i = start; i < start + size; ++i) positions.push_back(i < 0 || i >= length ? kNowhere : i);
  return positions;
}

class CenterCrop : public Transform {
 public:
  explicit CenterCrop(ImageSize size) : size_(size) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom&) const override {
    const std::int64_t height = image.size(0), width = image.size(1);
    const Positions rows = centered(height, size_.height), columns = centered(width, size_.width);
    if (size_.height > height || size_.width > width) return gathered(image, rows, columns, {0});
    return to_tensor(crop(view_of(image), rows.front(), columns.front(), size_.height, size_.width));
  }

  bool plan(Window& window, KeyedRandom&) const override {
    const std::int64_t top = start_of_middle(window.height(), size_.height);
    return window.frame({top, start_of_middle(window.width(), size_.width), size_.height, size_.width}, {0});
  }
  Places places() const override { return Places::Planned; }

  void describe(Json& facts) const override { facts["input_size"] = size_json(size_.height, size_.width); }

 private:
  ImageSize size_;
};

class RandomResizedCrop : public Transform {
 public:
  RandomResizedCrop(const RandomResizedCropOptions& options, ImageSize size)
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
  Places places() const override { return Places::Planned; }

  void describe(Json& facts) const override {
    facts["input_size"] = size_json(size_.height, size_.width);
    facts["interpolation"] = interpolation_names()[static_cast<std::size_t>(interpolation_)];
  }

 private:
  RandomResizedCropOptions options_;
  ImageSize size_;
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
  d.rule("scale", [](const RandomResizedCropOptions& o) { return order_problem(o.scale); });
  d.rule("ratio", [](const RandomResizedCropOptions& o) { return order_problem(o.ratio); });
}

std::unique_ptr<Transform> make_random_resized_crop(const RandomResizedCropOptions& options,
                                                    const TransformContext& context) {
  return std::make_unique<RandomResizedCrop>(options, size_of(options.size, context.input_size));
}

}  // namespace mlrun::data
