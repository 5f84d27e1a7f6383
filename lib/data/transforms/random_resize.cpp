#include "data/transforms/random_resize.h"

#include <algorithm>

#include "data/transforms/drawn_resize.h"

namespace mlrun::data {
namespace {

class RandomResize : public DrawnResize {
 public:
  RandomResize(const std::string& interpolation, std::int64_t least, std::int64_t largest)
      : DrawnResize(interpolation), least_(least), largest_(largest) {}

  void describe(Json& facts) const override {
    DrawnResize::describe(facts);
    if (least_ == largest_) facts["resize_size"] = least_;
  }

 private:
  ImageSize draw(std::int64_t height, std::int64_t width, KeyedRandom& random) const override {
    const std::uint64_t more = random.below(static_cast<std::uint64_t>(largest_ - least_ + 1));
    return size_of_shorter(least_ + static_cast<std::int64_t>(more), height, width);
  }

  std::int64_t least_, largest_;
};

class ScaleJitter : public DrawnResize {
 public:
  ScaleJitter(const ScaleJitterOptions& options, ImageSize target)
      : DrawnResize(options.interpolation), scale_(options.scale), target_(target) {}

 private:
  ImageSize draw(std::int64_t height, std::int64_t width, KeyedRandom& random) const override {
    return jittered_size(height, width, target_, static_cast<float>(random.uniform(scale_[0], scale_[1])));
  }

  std::vector<double> scale_;
  ImageSize target_;
};

}  // namespace

ImageSize jittered_size(std::int64_t height, std::int64_t width, ImageSize target, float scale) {
  const double fit = std::min(static_cast<double>(target.height) / static_cast<double>(height),
                              static_cast<double>(target.width) / static_cast<double>(width));
  const float ratio = static_cast<float>(fit) * scale;
  const auto side = [ratio](std::int64_t length) {
    return std::max<std::int64_t>(static_cast<std::int64_t>(static_cast<float>(length) * ratio), 1);
  };
  return {side(height), side(width)};
}

void RandomResizeOptions::declare(config::Declare<RandomResizeOptions>& d) {
  d("min_size", &RandomResizeOptions::min_size,
    "least length of the shorter side; 0: half the size that the model was published with")
      .min(0)
      .unit("pixels");
  d("max_size", &RandomResizeOptions::max_size, "largest length of it; 0: twice that size").min(0).unit("pixels");
  declare_interpolation(d);
  d.rule("max_size", [](const RandomResizeOptions& o) -> std::string {
    return o.max_size > 0 && o.max_size < o.min_size ? "must not be below min_size" : "";
  });
}

std::unique_ptr<Transform> make_random_resize(const RandomResizeOptions& options, const TransformContext& context) {
  const std::int64_t half = std::max<std::int64_t>(context.resize_size / 2, 1);
  const std::int64_t largest = options.max_size > 0 ? options.max_size : context.resize_size * 2;
  const std::int64_t least = options.min_size > 0 ? options.min_size : std::min(half, largest);
  return std::make_unique<RandomResize>(options.interpolation, least, std::max(least, largest));
}

void ScaleJitterOptions::declare(config::Declare<ScaleJitterOptions>& d) {
  declare_size(d);
  d("scale", &ScaleJitterOptions::scale, "smallest and largest factor to the size that just fits into `size`")
      .length(2)
      .above(0);
  declare_interpolation(d);
  d.rule("scale", [](const ScaleJitterOptions& o) { return order_problem(o.scale); });
}

std::unique_ptr<Transform> make_scale_jitter(const ScaleJitterOptions& options, const TransformContext& context) {
  return std::make_unique<ScaleJitter>(options, size_of(options.size, context.input_size));
}

}  // namespace mlrun::data
