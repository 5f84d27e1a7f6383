#include "nn/interpolate.h"

#include <torch/types.h>
#include <torch/utils.h>

namespace mlrun::nn {

Tensors Interpolate::forward(const Tensors& inputs) {
  const torch::Tensor &x = inputs.at(0), &like = inputs.at(1);
  return {at::upsample_bilinear2d(x, like.sizes().slice(2), /*align_corners=*/false)};
}

}  // namespace mlrun::nn
