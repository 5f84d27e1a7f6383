#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "data/image/resize.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

/// To a size that is drawn for each image.
class DrawnResize : public Transform {
 public:
  explicit DrawnResize(const std::string& interpolation) : interpolation_(interpolation_of(interpolation)) {}

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
    facts["interpolation"] = interpolation_names()[static_cast<std::size_t>(interpolation_)];
    facts.erase("input_size");
  }

 private:
  virtual ImageSize draw(std::int64_t height, std::int64_t width, KeyedRandom& random) const = 0;

  Interpolation interpolation_;
};

template <class Options>
void declare_interpolation(config::Declare<Options>& d) {
  d("interpolation", &Options::interpolation,
    "how pixels of images are interpolated, antialiased as Pillow does; masks take the nearest")
      .choices(interpolation_names());
}

}  // namespace mlrun::data
