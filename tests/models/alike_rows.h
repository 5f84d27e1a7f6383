#pragma once

#include <limits>

#include <torch/types.h>

namespace mlrun::test {

/// Rows of `boxes` [N, 4] that stand for those of `expected` [M <= N, 4]: of the same label the nearest, each row once.
/// Scores that differ by rounding alone trade places from one kind of processor to another.
inline torch::Tensor alike_rows(const torch::Tensor& boxes, const torch::Tensor& labels, const torch::Tensor& expected,
                                const torch::Tensor& expected_labels) {
  constexpr double kFar = std::numeric_limits<double>::max();
  torch::Tensor apart =
      (expected.to(torch::kDouble).unsqueeze(1) - boxes.to(torch::kDouble).unsqueeze(0)).abs().amax(2);
  apart.masked_fill_(expected_labels.unsqueeze(1).ne(labels.unsqueeze(0)), kFar);
  torch::Tensor rows = torch::empty({expected.size(0)}, torch::kLong);
  for (int64_t i = 0; i < rows.size(0); ++i) {
    rows[i] = apart[i].argmin();
    apart.select(1, rows[i].item<int64_t>()).fill_(kFar);
  }
  return rows;
}

/// The largest difference of two tensors of one shape.
inline double largest_difference(const torch::Tensor& given, const torch::Tensor& expected) {
  if (given.numel() == 0) return 0;
  return (given.to(torch::kDouble) - expected.to(torch::kDouble)).abs().max().item<double>();
}

}  // namespace mlrun::test
