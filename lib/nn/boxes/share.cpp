#include "nn/boxes/share.h"

#include <algorithm>

#include <ATen/TensorIterator.h>
#include <torch/types.h>

namespace mlrun::nn {

void share(std::int64_t count, std::int64_t grain, const std::function<void(std::int64_t, std::int64_t)>& work) {
  if (count <= grain) {
    if (count > 0) work(0, count);
    return;
  }
  // at::parallel_for would be a template compiled here, and serial wherever this file is compiled without LibTorch's
  // own OpenMP. The loop of an iterator lies inside LibTorch: each element of a small tensor stands for a grain.
  torch::Tensor grains = torch::empty({(count + grain - 1) / grain}, torch::kByte);
  const auto* start = static_cast<const char*>(grains.data_ptr());
  at::TensorIterator::nullary_op(grains).for_each(
      [&](char** data, const std::int64_t* strides, std::int64_t inner, std::int64_t outer) {
        for (std::int64_t i = 0; i < outer; ++i) {
          const std::int64_t first = data[0] + i * strides[1] - start;
          work(first * grain, std::min(count, (first + inner) * grain));
        }
      },
      /*grain_size=*/1);
}

}  // namespace mlrun::nn
