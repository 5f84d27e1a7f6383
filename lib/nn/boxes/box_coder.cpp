#include "nn/boxes/box_coder.h"

#include <cmath>

namespace mlrun::nn {
namespace {

/// Sides and centres of boxes [N, 4], each [N, 1].
struct Centred {
  torch::Tensor x, y, width, height;
};

Centred centred(const torch::Tensor& boxes) {
  const auto column = [&](std::int64_t i) { return boxes.slice(1, i, i + 1); };
  const torch::Tensor width = column(2) - column(0), height = column(3) - column(1);
  return {column(0) + 0.5 * width, column(1) + 0.5 * height, width, height};
}

/// Of boxes [..., 4].
torch::Tensor middle(const torch::Tensor& boxes, std::int64_t axis) {
  return 0.5 * (boxes.select(-1, axis) + boxes.select(-1, axis + 2));
}

torch::Tensor sides(const torch::Tensor& boxes) {
  const torch::Tensor width = boxes.select(-1, 2) - boxes.select(-1, 0);
  const torch::Tensor height = boxes.select(-1, 3) - boxes.select(-1, 1);
  return at::stack({width, height, width, height}, -1);
}

}  // namespace

BoxCoder::BoxCoder(std::array<double, 4> weights) : BoxCoder(weights, std::log(1000.0 / 16)) {}

torch::Tensor BoxCoder::encode(const torch::Tensor& boxes, const torch::Tensor& references) const {
  const Centred to = centred(boxes), from = centred(references);
  return at::cat({weights_[0] * (to.x - from.x) / from.width, weights_[1] * (to.y - from.y) / from.height,
                  weights_[2] * at::log(to.width / from.width), weights_[3] * at::log(to.height / from.height)},
                 1);
}

torch::Tensor BoxCoder::decode(const torch::Tensor& codes, const torch::Tensor& references) const {
  const Centred from = centred(references.to(codes.scalar_type()));
  const auto code = [&](std::int64_t i) {
    return codes.slice(1, i, codes.size(1), 4) / weights_[static_cast<std::size_t>(i)];
  };
  const torch::Tensor x = code(0) * from.width + from.x, y = code(1) * from.height + from.y;
  const torch::Tensor half_width = 0.5 * (at::exp(code(2).clamp_max(clip_)) * from.width);
  const torch::Tensor half_height = 0.5 * (at::exp(code(3).clamp_max(clip_)) * from.height);
  return at::stack({x - half_width, y - half_height, x + half_width, y + half_height}, 2).flatten(1);
}

torch::Tensor LinearBoxCoder::encode(const torch::Tensor& boxes, const torch::Tensor& references) const {
  const torch::Tensor x = middle(references, 0), y = middle(references, 1);
  const torch::Tensor codes = at::stack(
      {x - boxes.select(-1, 0), y - boxes.select(-1, 1), boxes.select(-1, 2) - x, boxes.select(-1, 3) - y}, -1);
  return normalise_ ? codes / sides(references) : codes;
}

torch::Tensor LinearBoxCoder::decode(const torch::Tensor& codes, const torch::Tensor& references) const {
  const torch::Tensor from = references.to(codes.scalar_type());
  const torch::Tensor x = middle(from, 0), y = middle(from, 1);
  const torch::Tensor c = normalise_ ? codes * sides(from) : codes;
  return at::stack({x - c.select(-1, 0), y - c.select(-1, 1), x + c.select(-1, 2), y + c.select(-1, 3)}, -1);
}

}  // namespace mlrun::nn
