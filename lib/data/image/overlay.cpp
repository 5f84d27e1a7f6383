#include "data/image/overlay.h"

#include <cstdint>
#include <cstring>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"

namespace mlrun::data {
namespace {

torch::Tensor in_colour(const torch::Tensor& image) {
  return (image.size(2) == 1 ? image.expand({-1, -1, 3}) : image).contiguous();
}

torch::Tensor resized_mask(const torch::Tensor& mask, std::int64_t height, std::int64_t width) {
  const torch::Tensor plain = mask.contiguous();
  if (mask.size(0) == height && mask.size(1) == width) return plain;
  return at::upsample_nearest2d(plain.view({1, 1, mask.size(0), mask.size(1)}).to(torch::kFloat), {height, width})
      .to(torch::kByte)
      .view({height, width});
}

}  // namespace

torch::Tensor overlay(const torch::Tensor& image, const torch::Tensor& mask, std::string_view colours) {
  MLRUN_ASSERT(image.dim() == 3 && mask.dim() == 2, "an image [H, W, C] and a mask [H, W] are wanted");
  const torch::Tensor shown = in_colour(image), labels = resized_mask(mask, image.size(0), image.size(1));
  torch::Tensor out = shown.clone();
  const auto* label = labels.data_ptr<std::uint8_t>();
  auto* pixel = out.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0; i < labels.numel(); ++i, ++label, pixel += 3) {
    const std::size_t at = std::size_t{*label} * 3;
    if (at + 3 > colours.size()) continue;
    std::uint8_t colour[3];
    std::memcpy(colour, colours.data() + at, 3);
    if (colour[0] == 0 && colour[1] == 0 && colour[2] == 0) continue;
    for (int c = 0; c < 3; ++c) pixel[c] = static_cast<std::uint8_t>((pixel[c] + colour[c] + 1) / 2);
  }
  return out;
}

torch::Tensor beside(const std::vector<torch::Tensor>& images) {
  constexpr std::int64_t kGap = 2;
  std::vector<torch::Tensor> parts;
  for (const auto& image : images) {
    if (!parts.empty()) parts.push_back(torch::full({image.size(0), kGap, 3}, 255, torch::kByte));
    parts.push_back(in_colour(image));
  }
  return torch::cat(parts, 1);
}

}  // namespace mlrun::data
