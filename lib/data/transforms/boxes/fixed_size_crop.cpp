#include "data/transforms/boxes/fixed_size_crop.h"

#include <algorithm>

#include "data/image/reader.h"
#include "data/transforms/crop_transforms.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/sizes.h"

namespace mlrun::data {
namespace {

class FixedSizeCrop : public Transform {
 public:
  FixedSizeCrop(ImageSize size, Fill fill) : size_(size), fill_(std::move(fill)) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    Window window(image.size(0), image.size(1));
    return plan(window, random) ? ImageReader(image).bytes(window) : image;
  }

  bool plan(Window& window, KeyedRandom& random) const override {
    const std::int64_t beyond_y = std::max<std::int64_t>(window.height() - size_.height, 0);
    const std::int64_t beyond_x = std::max<std::int64_t>(window.width() - size_.width, 0);
    Box box{0, 0, size_.height, size_.width};
    if (beyond_y > 0 || beyond_x > 0) {
      const auto share = static_cast<float>(random.uniform());
      box.top = static_cast<std::int64_t>(static_cast<float>(beyond_y) * share);
      box.left = static_cast<std::int64_t>(static_cast<float>(beyond_x) * share);
    }
    return window.frame(box, fill_);
  }

  Places places() const override { return Places::Planned; }
  bool drops_hidden() const override { return true; }
  void describe(Json& facts) const override { facts["input_size"] = size_json(size_.height, size_.width); }

 private:
  ImageSize size_;
  Fill fill_;
};

}  // namespace

void FixedSizeCropOptions::declare(config::Declare<FixedSizeCropOptions>& d) {
  declare_size(d);
  d("fill", &FixedSizeCropOptions::fill, "value of padding: one, or one per channel").min(0).max(255);
}

std::unique_ptr<Transform> make_fixed_size_crop(const FixedSizeCropOptions& options, const TransformContext& context) {
  check_per_channel("fill", options.fill.size(), context.channels);
  return std::make_unique<FixedSizeCrop>(size_of(options.size, context.input_size), fill_of(options.fill));
}

}  // namespace mlrun::data
