#include "data/transforms/boxes/random_shortest_size.h"

#include <algorithm>

#include "data/image/resize.h"

namespace mlrun::data {
namespace {

class RandomShortestSize : public Transform {
 public:
  explicit RandomShortestSize(const RandomShortestSizeOptions& options)
      : options_(options), interpolation_(interpolation_of(options.interpolation)) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    const ImageSize size = draw(image.size(0), image.size(1), random);
    if (size.height == image.size(0) && size.width == image.size(1)) return image;
    return resize(view_of(image), size.height, size.width, interpolation_);
  }

  bool plan(Window& window, KeyedRandom& random) const override {
    const ImageSize size = draw(window.height(), window.width(), random);
    return window.resize(size.height, size.width, interpolation_);
  }

  Places places() const override { return Places::Planned; }

  void describe(Json& facts) const override {
    facts["interpolation"] = options_.interpolation;
    facts.erase("input_size");
    if (options_.min_size.size() == 1) facts["resize_size"] = options_.min_size.front();
  }

 private:
  ImageSize draw(std::int64_t height, std::int64_t width, KeyedRandom& random) const {
    return bounded_size(height, width, options_.min_size[random.below(options_.min_size.size())], options_.max_size);
  }

  RandomShortestSizeOptions options_;
  Interpolation interpolation_;
};

}  // namespace

ImageSize bounded_size(std::int64_t height, std::int64_t width, std::int64_t shortest, std::int64_t longest) {
  const double ratio = std::min(static_cast<double>(shortest) / static_cast<double>(std::min(height, width)),
                                static_cast<double>(longest) / static_cast<double>(std::max(height, width)));
  const auto side = [ratio](std::int64_t length) {
    return std::max<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(length) * ratio), 1);
  };
  return {side(height), side(width)};
}

void RandomShortestSizeOptions::declare(config::Declare<RandomShortestSizeOptions>& d) {
  using O = RandomShortestSizeOptions;
  d("min_size", &O::min_size, "shorter sides of which one is drawn").min(1).unit("pixels");
  d("max_size", &O::max_size, "largest length of the longer side").min(1).unit("pixels");
  d("interpolation", &O::interpolation,
    "how pixels of images are interpolated, antialiased as Pillow does; masks take the nearest")
      .choices(interpolation_names());
  d.rule("min_size", [](const O& o) -> std::string { return o.min_size.empty() ? "needs a side at least" : ""; });
}

std::unique_ptr<Transform> make_random_shortest_size(const RandomShortestSizeOptions& options,
                                                     const TransformContext&) {
  return std::make_unique<RandomShortestSize>(options);
}

}  // namespace mlrun::data
