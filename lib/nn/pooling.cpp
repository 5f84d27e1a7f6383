#include "nn/pooling.h"

namespace mlrun::nn {
namespace {

/// Throws unless a window fits in along both axes.
template <class Options>
void check_window(const Layer& layer, const torch::Tensor& input, const Options& o, bool ceil_mode = false) {
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const int64_t cut_off = ceil_mode ? (*o.stride)[axis] - 1 : 0;
    const int64_t size = input.size(static_cast<int64_t>(axis) - 2) + 2 * (*o.padding)[axis] + cut_off;
    if (size < (*o.kernel)[axis]) throw too_small(layer, input);
  }
}

}  // namespace

torch::Tensor MaxPool2d::forward(const torch::Tensor& input) {
  check_window(*this, input, options_, options_.ceil_mode);
  return torch::max_pool2d(input, options_.kernel, options_.stride, options_.padding, /*dilation=*/{1, 1},
                           options_.ceil_mode);
}

torch::Tensor AvgPool2d::forward(const torch::Tensor& input) {
  check_window(*this, input, options_);
  return torch::avg_pool2d(input, options_.kernel, options_.stride, options_.padding);
}

torch::Tensor AdaptiveAvgPool2d::forward(const torch::Tensor& input) {
  if (input.is_meta()) {
    return torch::empty({input.size(0), input.size(1), (*output_)[0], (*output_)[1]}, input.options());
  }
  return torch::adaptive_avg_pool2d(input, output_);
}

}  // namespace mlrun::nn
