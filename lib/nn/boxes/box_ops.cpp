#include "nn/boxes/box_ops.h"

#include <algorithm>

#include "nn/boxes/columns.h"
#include "nn/boxes/operators.h"
#include "nn/boxes/share.h"

namespace mlrun::nn {
namespace {

/// Half floats and short integers would overflow where sides are multiplied.
torch::Tensor widened(const torch::Tensor& boxes) {
  const auto type = boxes.scalar_type();
  if (boxes.is_floating_point()) {
    return type == torch::kFloat || type == torch::kDouble ? boxes : boxes.to(torch::kFloat);
  }
  return type == torch::kInt || type == torch::kLong ? boxes : boxes.to(torch::kInt);
}

template <class Scalar>
torch::Tensor iou_of(const torch::Tensor& a, const torch::Tensor& b) {
  const Columns left(a), right(b);
  const BoxColumns<Scalar> rows = left.of<Scalar>(), columns = right.of<Scalar>();
  const std::int64_t height = a.size(0), width = b.size(0);
  torch::Tensor result = torch::empty({height, width}, a.options());
  auto* out = result.data_ptr<Scalar>();
  constexpr std::int64_t kPairs = 1 << 14;  // for a thread to be worth it
  const std::int64_t grain = std::max<std::int64_t>(1, kPairs / std::max<std::int64_t>(height, 1));
  share(width, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = 0; row < height; ++row) iou_row(rows, row, columns, begin, end, out + row * width + begin);
  });
  return result;
}

}  // namespace

torch::Tensor box_area(const torch::Tensor& boxes) {
  const torch::Tensor b = widened(boxes);
  return (b.select(1, 2) - b.select(1, 0)) * (b.select(1, 3) - b.select(1, 1));
}

torch::Tensor box_iou(const torch::Tensor& a, const torch::Tensor& b) {
  if (for_kernels(a) && for_kernels(b) && a.scalar_type() == b.scalar_type()) {
    return a.scalar_type() == torch::kFloat ? iou_of<float>(a, b) : iou_of<double>(a, b);
  }
  return box_iou_by_operators(a, b);
}

torch::Tensor clip_boxes(const torch::Tensor& boxes, std::int64_t height, std::int64_t width) {
  const torch::Tensor x = boxes.slice(-1, 0, 4, 2).clamp(0, width), y = boxes.slice(-1, 1, 4, 2).clamp(0, height);
  return at::stack({x, y}, -1).flatten(-2);
}

torch::Tensor rows_of_sides(const torch::Tensor& boxes, double least) {
  const torch::Tensor widths = boxes.select(1, 2) - boxes.select(1, 0),
                      heights = boxes.select(1, 3) - boxes.select(1, 1);
  return at::where(widths.ge(least).logical_and(heights.ge(least))).front();
}

}  // namespace mlrun::nn
