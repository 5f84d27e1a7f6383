#include "models/detection/transform.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace mlrun::models {
namespace {

using Size = std::pair<std::int64_t, std::int64_t>;

/// What a side of `from` pixels is multiplied by, in float32.
double ratio(std::int64_t from, std::int64_t to) {
  return static_cast<double>(static_cast<float>(to) / static_cast<float>(from));
}

std::int64_t padded(std::int64_t length, std::int64_t divisible) {
  return (length + divisible - 1) / divisible * divisible;
}

torch::Tensor resized(const torch::Tensor& image, const Size& size) {
  return at::upsample_bilinear2d(image.unsqueeze(0), {size.first, size.second}, /*align_corners=*/false).squeeze(0);
}

}  // namespace

Size detector_size(std::int64_t height, std::int64_t width, const DetectorInput& input, std::int64_t min_size) {
  if (input.fixed_height > 0) return {input.fixed_height, input.fixed_width};
  const auto shorter = static_cast<float>(std::min(height, width)),
             longer = static_cast<float>(std::max(height, width));
  // As upstream divides a number by a tensor: the reciprocal first. 480 x 640 becomes 800 x 1066, not 799.
  const float scale =
      std::min(1.0F / shorter * static_cast<float>(min_size), 1.0F / longer * static_cast<float>(input.max_size));
  const auto scaled = [scale](std::int64_t side) {
    return static_cast<std::int64_t>(std::floor(static_cast<double>(side) * static_cast<double>(scale)));
  };
  return {scaled(height), scaled(width)};
}

DetectorBatch prepare(const std::vector<torch::Tensor>& images, const DetectorInput& input,
                      const std::vector<std::int64_t>& min_sizes) {
  MLRUN_ASSERT(!images.empty() && images.size() == min_sizes.size(), "each image has a size to be resized to");
  std::vector<torch::Tensor> all;
  std::vector<std::int64_t> sizes;
  std::int64_t height = 0, width = 0;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const Size size = detector_size(images[i].size(1), images[i].size(2), input, min_sizes[i]);
    all.push_back(resized(images[i], size));
    sizes.insert(sizes.end(), {size.first, size.second});
    height = std::max(height, size.first);
    width = std::max(width, size.second);
  }
  const auto count = static_cast<std::int64_t>(all.size());
  torch::Tensor batch = torch::zeros(
      {count, all[0].size(0), padded(height, input.divisible), padded(width, input.divisible)}, all[0].options());
  for (std::int64_t i = 0; i < count; ++i) {
    const torch::Tensor& image = all[static_cast<std::size_t>(i)];
    batch[i].slice(1, 0, image.size(1)).slice(2, 0, image.size(2)).copy_(image);
  }
  return {batch, torch::tensor(sizes, torch::kLong).view({count, 2})};
}

torch::Tensor rescaled_boxes(const torch::Tensor& boxes, Size from, Size to) {
  const double y = ratio(from.first, to.first), x = ratio(from.second, to.second);
  return boxes * torch::tensor({x, y, x, y}, boxes.options());
}

torch::Tensor rescaled_keypoints(const torch::Tensor& keypoints, Size from, Size to) {
  const double y = ratio(from.first, to.first), x = ratio(from.second, to.second);
  return keypoints * torch::tensor({x, y, 1.0}, keypoints.options());
}

}  // namespace mlrun::models
