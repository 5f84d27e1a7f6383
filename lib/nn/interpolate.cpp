#include "nn/interpolate.h"

#include <torch/csrc/jit/frontend/tracer.h>

namespace mlrun::nn {
namespace {

/// Lets a trace that is being made measure height and width where it runs, and not keep those of its example.
void trace_size_of(const torch::Tensor& like) {
  if (!torch::jit::tracer::isTracing()) return;
  for (std::int64_t i = 0; i < 2; ++i) {
    torch::jit::tracer::ArgumentStash::stashIntArrayRefElem("output_size", 2, static_cast<std::size_t>(i),
                                                            torch::jit::tracer::getSizeOf(like, 2 + i));
  }
}

}  // namespace

Tensors Interpolate::forward(const Tensors& inputs) {
  const torch::Tensor &x = inputs.at(0), &like = inputs.at(1);
  trace_size_of(like);
  const at::IntArrayRef size = like.sizes().slice(2);
  if (mode_ == InterpolateMode::Nearest) return {at::upsample_nearest2d(x, size)};
  return {at::upsample_bilinear2d(x, size, /*align_corners=*/false)};
}

}  // namespace mlrun::nn
