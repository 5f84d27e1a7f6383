#include "data/transforms/random_erasing.h"

#include <tuple>

#include "data/distributions.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/sizes.h"

namespace mlrun::data {
namespace {

class RandomErasing : public Transform {
 public:
  explicit RandomErasing(const RandomErasingOptions& options) : options_(options) {}

  bool follows_normalize() const override { return true; }
  Places places() const override { return Places::Stay; }

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    if (!random.chance(options_.p)) return image;
    const auto box = erasing_box(image.size(1), image.size(2), options_.scale, options_.ratio, random);
    if (!box) return image;
    torch::Tensor result = image.clone();
    for (std::int64_t c = 0; c < result.size(0); ++c) {
      for (std::int64_t y = box->top; y < box->top + box->height; ++y) {
        erase(result.data_ptr<float>() + (c * result.size(1) + y) * result.size(2) + box->left, box->width, c, random);
      }
    }
    return result;
  }

 private:
  void erase(float* pixels, std::int64_t count, std::int64_t channel, KeyedRandom& random) const {
    const auto value = static_cast<float>(options_.value[static_cast<std::size_t>(channel) % options_.value.size()]);
    for (std::int64_t i = 0; i < count; ++i) {
      pixels[i] = options_.random ? static_cast<float>(draw_normal(random)) : value;
    }
  }

  RandomErasingOptions options_;
};

}  // namespace

std::optional<Box> erasing_box(std::int64_t height, std::int64_t width, const std::vector<double>& scale,
                               const std::vector<double>& ratio, KeyedRandom& random) {
  const double area = static_cast<double>(height) * static_cast<double>(width);
  for (int attempt = 0; attempt < kDrawAttempts; ++attempt) {
    Box box;
    std::tie(box.height, box.width) = draw_sides(area, scale, ratio, random);
    if (box.height >= height || box.width >= width) continue;
    draw_place(box, height, width, random);
    return box;
  }
  return std::nullopt;
}

void RandomErasingOptions::declare(config::Declare<RandomErasingOptions>& d) {
  d("p", &RandomErasingOptions::p, "probability of an erased rectangle").min(0).max(1);
  d("scale", &RandomErasingOptions::scale, "smallest and largest area of it, as shares of the image")
      .length(2)
      .min(0)
      .max(1);
  d("ratio", &RandomErasingOptions::ratio, "smallest and largest height / width of it").length(2).above(0);
  d("value", &RandomErasingOptions::value, "what it gets, after normalization: one value, or one per channel");
  d("random", &RandomErasingOptions::random,
    "normal random numbers in place of `value`, as torchvision's value='random'");
  d.rule("scale", [](const RandomErasingOptions& o) { return order_problem(o.scale); });
  d.rule("ratio", [](const RandomErasingOptions& o) { return order_problem(o.ratio); });
}

std::unique_ptr<Transform> make_random_erasing(const RandomErasingOptions& options, const TransformContext& context) {
  check_per_channel("value", options.value.size(), context.channels);
  return std::make_unique<RandomErasing>(options);
}

}  // namespace mlrun::data
