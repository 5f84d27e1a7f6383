#include "data/transforms/color_jitter.h"

#include <algorithm>

#include "data/image/ops.h"
#include "data/transforms/augment_ops.h"

namespace mlrun::data {
namespace {

constexpr std::size_t kHue = 3;

struct FactorRange {
  double least, largest;
};

/// Nothing where the factor could only be `center`, which changes no image.
std::optional<FactorRange> factor_range(const std::vector<double>& option, double center, double least) {
  FactorRange range{option.front(), option.back()};
  if (option.size() == 1) range = {std::max(center - option[0], least), center + option[0]};
  if (range.least == center && range.largest == center) return std::nullopt;
  return range;
}

class ColorJitter : public Transform {
 public:
  explicit ColorJitter(const ColorJitterOptions& o)
      : ranges_{factor_range(o.brightness, 1, 0), factor_range(o.contrast, 1, 0), factor_range(o.saturation, 1, 0),
                factor_range(o.hue, 0, -0.5)} {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    ColorJitterDraw draw;
    for (std::size_t i = draw.order.size(); i > 1; --i) std::swap(draw.order[i - 1], draw.order[random.below(i)]);
    for (std::size_t i = 0; i < ranges_.size(); ++i) {
      if (ranges_[i]) draw.factors[i] = random.uniform(ranges_[i]->least, ranges_[i]->largest);
    }
    return color_jitter(image, draw);
  }
  Places places() const override { return Places::Stay; }

 private:
  std::array<std::optional<FactorRange>, 4> ranges_;
};

std::string range_problem(const std::vector<double>& option) {
  if (option.empty() || option.size() > 2) return "takes one value, or the least and the largest factor";
  return option.front() > option.back() ? "the smallest comes first" : "";
}

}  // namespace

torch::Tensor color_jitter(const torch::Tensor& image, const ColorJitterDraw& draw) {
  using Adjust = torch::Tensor (*)(const torch::Tensor&, double);
  constexpr std::array<Adjust, 4> adjustments = {adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue};
  torch::Tensor result = image;
  for (const std::int64_t i : draw.order) {
    const auto at = static_cast<std::size_t>(i);
    if (draw.factors[at]) result = adjustments[at](result, *draw.factors[at]);
  }
  return result;
}

void ColorJitterOptions::declare(config::Declare<ColorJitterOptions>& d) {
  using Member = std::vector<double> ColorJitterOptions::*;
  const auto add = [&d](const std::string& name, Member member, const std::string& help) {
    d(name, member, help).min(0);
    d.rule(name, [member](const ColorJitterOptions& o) { return range_problem(o.*member); });
  };
  add("brightness", &ColorJitterOptions::brightness, "x: a factor from 1 - x (at least 0) to 1 + x; or least, largest");
  add("contrast", &ColorJitterOptions::contrast, "the same, as difference from the mean luma");
  add("saturation", &ColorJitterOptions::saturation, "the same, as difference from grey");
  d("hue", &ColorJitterOptions::hue, "x: turned by -x to x of the colour circle; or least, largest").min(-0.5).max(0.5);
  d.rule("hue", [](const ColorJitterOptions& o) -> std::string {
    if (o.hue.size() == 1 && o.hue[0] < 0) return "one value must not be negative; give the least and the largest";
    return range_problem(o.hue);
  });
}

std::unique_ptr<Transform> make_color_jitter(const ColorJitterOptions& options, const TransformContext& context) {
  check_rgb_or_grey(context.channels);
  return std::make_unique<ColorJitter>(options);
}

}  // namespace mlrun::data
