#include "recipes/classification/mixing.h"

#include <algorithm>
#include <cmath>

#include <torch/types.h>

#include "recipes/classification/losses.h"

namespace mlrun::classification {
namespace {

double draw_share(double alpha) {
  return at::_sample_dirichlet(torch::full({2}, alpha, torch::kFloat))[0].item<double>();
}

Mixed draw_cutmix(const torch::Tensor& images, const torch::Tensor& labels, double alpha) {
  const std::int64_t width = images.size(3), height = images.size(2);
  const double share = draw_share(alpha);
  const auto x = torch::randint(width, {1}, torch::kLong).item<std::int64_t>();
  const auto y = torch::randint(height, {1}, torch::kLong).item<std::int64_t>();
  return cutmix(images, labels, cut_box(share, x, y, width, height));
}

}  // namespace

torch::Tensor Mixed::targets(std::int64_t classes, torch::ScalarType dtype) const {
  if (!partners.defined()) return labels;
  const auto shares = [&](const torch::Tensor& of, double part) { return soft_targets(of, classes, dtype).mul_(part); };
  return shares(labels, share).add_(shares(partners, 1 - share));
}

Mixed mixup(const torch::Tensor& images, const torch::Tensor& labels, double share) {
  return {images.mul(share).add_(images.roll(1, 0).mul_(1 - share)), labels, labels.roll(1, 0), share};
}

data::Box cut_box(double share, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height) {
  const double half = 0.5 * std::sqrt(1 - share);
  const auto half_width = static_cast<std::int64_t>(half * static_cast<double>(width));
  const auto half_height = static_cast<std::int64_t>(half * static_cast<double>(height));
  const std::int64_t left = std::max<std::int64_t>(x - half_width, 0);
  const std::int64_t top = std::max<std::int64_t>(y - half_height, 0);
  return {top, left, std::min(y + half_height, height) - top, std::min(x + half_width, width) - left};
}

Mixed cutmix(const torch::Tensor& images, const torch::Tensor& labels, const data::Box& box) {
  const auto part = [&box](const torch::Tensor& of) {
    return of.narrow(2, box.top, box.height).narrow(3, box.left, box.width);
  };
  torch::Tensor cut = images.clone();
  part(cut).copy_(part(images.roll(1, 0)));
  const auto inside = static_cast<double>(box.height * box.width);
  const auto all = static_cast<double>(images.size(2) * images.size(3));
  return {cut, labels, labels.roll(1, 0), 1 - inside / all};
}

Mixed Mixing::operator()(const torch::Tensor& images, const torch::Tensor& labels) const {
  if (mixup_alpha_ == 0 && cutmix_alpha_ == 0) return {images, labels, {}, 1};
  // torchvision draws this number too, against a probability of 1.
  const bool first = torch::rand({1}).item<double>() < 0.5;
  const bool mixes = cutmix_alpha_ == 0 || (mixup_alpha_ > 0 && first);
  return mixes ? mixup(images, labels, draw_share(mixup_alpha_)) : draw_cutmix(images, labels, cutmix_alpha_);
}

}  // namespace mlrun::classification
