#include "nn/sized_windows.h"

#include <algorithm>

#include <torch/types.h>
#include <torch/utils.h>

namespace mlrun::nn {

std::pair<int64_t, int64_t> SamePad2d::around(int64_t size) const {
  const int64_t windows = (size + stride_ - 1) / stride_;
  const int64_t missing = std::max<int64_t>(0, (windows - 1) * stride_ + kernel_ - size);
  return {missing / 2, missing - missing / 2};
}

torch::Tensor SamePad2d::padded(const torch::Tensor& input) const {
  const auto [above, below] = around(input.size(-2));
  const auto [left, right] = around(input.size(-1));
  return at::constant_pad_nd(input, {left, right, above, below});
}

AvgPool2dOptions BinPool2d::windows(int64_t height, int64_t width) const {
  const int64_t high = height / bins_, wide = width / bins_;
  return {{high + height % bins_, wide + width % bins_}, {high, wide}};
}

torch::Tensor BinPool2d::forward(const torch::Tensor& input) {
  if (input.size(-2) < bins_ || input.size(-1) < bins_) throw too_small(*this, input);
  const AvgPool2dOptions o = windows(input.size(-2), input.size(-1));
  return at::avg_pool2d(input, o.kernel, o.stride);
}

}  // namespace mlrun::nn
