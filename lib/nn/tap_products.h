#pragma once

#include <ATen/core/Tensor.h>

#include "nn/layers.h"

namespace mlrun::nn {

/// Whether a convolution is faster as `convolve_by_taps` than as LibTorch's kernel: on the processor, of many images
/// whose output is a few pixels. oneDNN's kernels share a weight among the pixels of one image alone, so there they
/// wait for memory; a ResNet on images of 32 px ends in maps of 2 x 2 and 1 x 1. Never while a graph is traced, whose
/// batch is free. input: [N, C, H, W]; weight: [O, C, KH, KW].
bool prefers_tap_products(const at::Tensor& input, const at::Tensor& weight, const Conv2dOptions& options);

/// The convolution without its bias as a sum of matrix products over the taps of the kernel: pixels of all images times
/// the tap's [C, O] matrix. Taps that only meet padding cost nothing. Differentiable once. Needs one group, no
/// dilation. Returns [N, O, OH, OW] of the input's dtype and memory format.
at::Tensor convolve_by_taps(const at::Tensor& input, const at::Tensor& weight, const Conv2dOptions& options);

}  // namespace mlrun::nn
