#include "data/transforms/boxes/zoom_out.h"

#include <utility>

#include "data/image/reader.h"
#include "data/transforms/crop_transforms.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/sizes.h"

namespace mlrun::data {
namespace {

class ZoomOut : public Transform {
 public:
  explicit ZoomOut(const ZoomOutOptions& options) : options_(options), fill_(fill_of(options.fill)) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    Window window(image.size(0), image.size(1));
    return plan(window, random) ? ImageReader(image).bytes(window) : image;
  }

  bool plan(Window& window, KeyedRandom& random) const override {
    if (random.uniform() >= options_.p) return true;
    const auto& range = options_.side_range;
    const auto low = static_cast<float>(range[0]), more = static_cast<float>(range[1] - range[0]);
    const float ratio = low + static_cast<float>(random.uniform()) * more;
    const auto across = static_cast<float>(random.uniform()), down = static_cast<float>(random.uniform());
    return window.frame(zoomed_canvas(window.height(), window.width(), ratio, across, down), fill_);
  }

  Places places() const override { return Places::Planned; }
  void describe(Json& facts) const override { facts.erase("input_size"); }

 private:
  ZoomOutOptions options_;
  Fill fill_;
};

}  // namespace

Box zoomed_canvas(std::int64_t height, std::int64_t width, float ratio, float across, float down) {
  const auto share = [](std::int64_t length, float of) {
    return static_cast<std::int64_t>(static_cast<float>(length) * of);
  };
  Box canvas{0, 0, share(height, ratio), share(width, ratio)};
  canvas.left = -share(canvas.width - width, across);
  canvas.top = -share(canvas.height - height, down);
  return canvas;
}

void ZoomOutOptions::declare(config::Declare<ZoomOutOptions>& d) {
  d("fill", &ZoomOutOptions::fill, "value of the canvas: one, or one per channel").min(0).max(255);
  d("side_range", &ZoomOutOptions::side_range, "smallest and largest side of the canvas in sides of the image")
      .length(2)
      .min(1)
      .max(64);
  d("p", &ZoomOutOptions::p, "probability of a canvas").min(0).max(1);
  d.rule("side_range", [](const ZoomOutOptions& o) { return order_problem(o.side_range); });
}

std::unique_ptr<Transform> make_zoom_out(const ZoomOutOptions& options, const TransformContext& context) {
  check_per_channel("fill", options.fill.size(), context.channels);
  return std::make_unique<ZoomOut>(options);
}

}  // namespace mlrun::data
