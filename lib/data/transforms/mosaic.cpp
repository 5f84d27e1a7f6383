#include "data/transforms/mosaic.h"

#include <algorithm>

#include "base/error.h"
#include "data/image/reader.h"
#include "data/transforms/sizes.h"

namespace mlrun::data {
namespace {

class Mosaic : public Transform {
 public:
  Mosaic(const MosaicOptions& options, ImageSize size)
      : probability_(options.p),
        size_(size),
        fill_(fill_of(options.fill)),
        interpolation_(interpolation_of(options.interpolation)) {}

  torch::Tensor apply(const torch::Tensor&, KeyedRandom&) const override {
    throw UserError("mosaic takes other samples, and a single image has none", "leave it out of data.preprocess");
  }

  Places places() const override { return Places::Joined; }

  void apply_to(Scene& scene, const Surroundings& around, KeyedRandom& random) const override {
    if (!random.chance(probability_)) return;
    const std::int64_t down = draw_middle(size_.height, random), across = draw_middle(size_.width, random);
    std::vector<Fields> targets;
    std::vector<Box> regions;
    torch::Tensor image;
    for (int quarter = 0; quarter < 4; ++quarter) {
      Scene part = quarter == 0 ? std::move(scene) : around.others.draw(random);
      const Window window = place(part.image.size(0), part.image.size(1), quarter, down, across);
      around.followers.follow(window, part.targets);
      const torch::Tensor framed = ImageReader(part.image).bytes(window);
      regions.push_back(window.shown());
      if (quarter == 0) image = framed;
      else copy_region(framed, regions.back(), image);
      targets.push_back(std::move(part.targets));
    }
    scene = {image, around.followers.join(targets, regions)};
  }

  void describe(Json& facts) const override { facts.erase("input_size"); }

 private:
  static std::int64_t draw_middle(std::int64_t side, KeyedRandom& random) {
    return side / 2 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(side + 1)));
  }

  static void copy_region(const torch::Tensor& from, const Box& box, const torch::Tensor& to) {
    const auto region = [&box](const torch::Tensor& image) {
      return image.narrow(0, box.top, box.height).narrow(1, box.left, box.width);
    };
    region(to).copy_(region(from));
  }

  /// An image of `height` x `width` as quarter 0 (left above), 1 (right above), 2 or 3 (below).
  Window place(std::int64_t height, std::int64_t width, int quarter, std::int64_t down, std::int64_t across) const {
    const double ratio = std::min(static_cast<double>(size_.height) / static_cast<double>(height),
                                  static_cast<double>(size_.width) / static_cast<double>(width));
    const auto side = [ratio](std::int64_t length) {
      return std::max<std::int64_t>(static_cast<std::int64_t>(static_cast<double>(length) * ratio), 1);
    };
    Window window(height, width);
    const bool resized = window.resize(side(height), side(width), interpolation_);
    const Box canvas{(quarter < 2 ? window.height() : 0) - down, (quarter % 2 == 0 ? window.width() : 0) - across,
                     2 * size_.height, 2 * size_.width};
    const bool framed = window.frame(canvas, fill_);
    MLRUN_ASSERT(resized && framed, "a whole image can be resized and framed");
    return window;
  }

  double probability_;
  ImageSize size_;
  Fill fill_;
  Interpolation interpolation_;
};

}  // namespace

void MosaicOptions::declare(config::Declare<MosaicOptions>& d) {
  d("p", &MosaicOptions::p, "probability of a mosaic").min(0).max(1);
  declare_size(d);
  d("fill", &MosaicOptions::fill, "value where no image is: one, or one per channel").min(0).max(255);
  d("interpolation", &MosaicOptions::interpolation,
    "how pixels of images are interpolated, antialiased as Pillow does; masks take the nearest")
      .choices(interpolation_names());
}

std::unique_ptr<Transform> make_mosaic(const MosaicOptions& options, const TransformContext& context) {
  check_per_channel("fill", options.fill.size(), context.channels);
  return std::make_unique<Mosaic>(options, size_of(options.size, context.input_size));
}

}  // namespace mlrun::data
