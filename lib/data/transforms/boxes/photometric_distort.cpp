#include "data/transforms/boxes/photometric_distort.h"

#include <algorithm>
#include <utility>

#include <torch/utils.h>

#include "data/image/ops.h"
#include "data/transforms/augment_ops.h"
#include "data/transforms/sizes.h"

namespace mlrun::data {
namespace {

class PhotometricDistort : public Transform {
 public:
  explicit PhotometricDistort(PhotometricDistortOptions options) : options_(std::move(options)) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    return photometric_distort(image, draw(random));
  }
  Places places() const override { return Places::Stay; }

 private:
  PhotometricDraw draw(KeyedRandom& random) const {
    std::array<double, 7> chances{};
    for (double& chance : chances) chance = random.uniform();
    const auto factor = [&](double chance, const std::vector<double>& range) {
      return chance < options_.p ? std::optional(random.uniform(range[0], range[1])) : std::nullopt;
    };
    PhotometricDraw draw;
    draw.brightness = factor(chances[0], options_.brightness);
    draw.contrast_first = chances[1] < 0.5;
    if (draw.contrast_first) draw.contrast = factor(chances[2], options_.contrast);
    draw.saturation = factor(chances[3], options_.saturation);
    draw.hue = factor(chances[4], options_.hue);
    if (!draw.contrast_first) draw.contrast = factor(chances[5], options_.contrast);
    if (chances[6] >= options_.p) return draw;
    std::array<std::int64_t, 3> order{0, 1, 2};
    for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    draw.channels = order;
    return draw;
  }

  PhotometricDistortOptions options_;
};

}  // namespace

torch::Tensor photometric_distort(const torch::Tensor& image, const PhotometricDraw& draw) {
  torch::Tensor result = image;
  if (draw.brightness) result = adjust_brightness(result, *draw.brightness);
  if (draw.contrast && draw.contrast_first) result = adjust_contrast(result, *draw.contrast);
  if (draw.saturation) result = adjust_saturation(result, *draw.saturation);
  if (draw.hue) result = adjust_hue(result, *draw.hue);
  if (draw.contrast && !draw.contrast_first) result = adjust_contrast(result, *draw.contrast);
  if (!draw.channels || image.size(2) != 3) return result;
  const auto& order = *draw.channels;
  return torch::stack({result.select(2, order[0]), result.select(2, order[1]), result.select(2, order[2])}, 2);
}

void PhotometricDistortOptions::declare(config::Declare<PhotometricDistortOptions>& d) {
  using O = PhotometricDistortOptions;
  using Member = std::vector<double> O::*;
  const auto add = [&d](const std::string& name, Member member, const std::string& help, double least) {
    d(name, member, help).length(2).min(least);
    d.rule(name, [member](const O& o) { return order_problem(o.*member); });
  };
  add("brightness", &O::brightness, "least and largest factor", 0);
  add("contrast", &O::contrast, "the same, of the difference from the mean luma", 0);
  add("saturation", &O::saturation, "the same, of the difference from grey", 0);
  add("hue", &O::hue, "least and largest turn of the colour circle", -0.5);
  d("p", &O::p, "probability of each, and of another order of the channels").min(0).max(1);
}

std::unique_ptr<Transform> make_photometric_distort(const PhotometricDistortOptions& options,
                                                    const TransformContext& context) {
  check_rgb_or_grey(context.channels);
  return std::make_unique<PhotometricDistort>(options);
}

}  // namespace mlrun::data
