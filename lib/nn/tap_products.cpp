#include "nn/tap_products.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <torch/autograd.h>
#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/types.h>

#include "nn/autocast.h"

namespace mlrun::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Extent = std::array<int64_t, 2>;  ///< height, width

constexpr int64_t kMostPixels = 4;       ///< of the output, for products to be worth it (measured: 16 are slower)
constexpr int64_t kFewestProducts = 64;  ///< images, and channels: smaller matrices keep no processor busy

struct Geometry {
  Extent kernel, stride, padding, in, out;
};

/// Neighbouring pixels that one product takes: a place in the input, one in the output, and how many.
struct PixelRun {
  int64_t input, output, length;
};

/// A place in the kernel and the pixels that it connects.
struct Tap {
  int64_t y, x;
  std::vector<PixelRun> runs;
};

/// Along one axis: the outputs that meet the image at one place of the kernel, and the input that the first one meets.
struct Reach {
  int64_t output, count, input;
};

Reach reach(const Geometry& g, std::size_t axis, int64_t place) {
  const int64_t stride = g.stride[axis], shift = place - g.padding[axis], room = g.in[axis] - shift;
  const int64_t first = shift >= 0 ? 0 : (stride - 1 - shift) / stride;
  const int64_t end = room <= 0 ? 0 : std::min(g.out[axis], (room + stride - 1) / stride);
  return {first, std::max<int64_t>(end - first, 0), first * stride + shift};
}

std::vector<PixelRun> runs_of(const Geometry& g, const Reach& rows, const Reach& columns) {
  std::vector<PixelRun> runs;
  const int64_t length = g.stride[1] == 1 ? columns.count : 1;
  for (int64_t i = 0; i < rows.count; ++i) {
    const int64_t input_row = (rows.input + i * g.stride[0]) * g.in[1], output_row = (rows.output + i) * g.out[1];
    for (int64_t j = 0; j < columns.count; j += length) {
      runs.push_back({input_row + columns.input + j * g.stride[1], output_row + columns.output + j, length});
    }
  }
  return runs;
}

/// Those that meet the image at all.
std::vector<Tap> taps_of(const Geometry& g) {
  std::vector<Tap> taps;
  for (int64_t y = 0; y < g.kernel[0]; ++y) {
    for (int64_t x = 0; x < g.kernel[1]; ++x) {
      auto runs = runs_of(g, reach(g, 0, y), reach(g, 1, x));
      if (!runs.empty()) taps.push_back({y, x, std::move(runs)});
    }
  }
  return taps;
}

/// [N, C, H, W] as [H * W, N, C], so that neighbouring pixels of all images are the rows of one matrix.
at::Tensor by_pixel(const at::Tensor& images) {
  return images.permute({2, 3, 0, 1}).reshape({-1, images.size(0), images.size(1)}).contiguous();
}

at::Tensor to_images(const at::Tensor& pixels, const Extent& size, at::MemoryFormat format) {
  const int64_t images = pixels.size(1), channels = pixels.size(2);
  return at::empty({images, channels, size[0], size[1]}, pixels.options(), format)
      .copy_(pixels.view({size[0], size[1], images, channels}).permute({2, 3, 0, 1}));
}

at::Tensor rows_of(const at::Tensor& pixels, int64_t first, int64_t count) {
  return pixels.narrow(0, first, count).view({-1, pixels.size(2)});
}

/// The tap's [O, C] matrix.
at::Tensor matrix_of(const at::Tensor& weight, const Tap& tap) {
  const at::Tensor matrix = weight.select(3, tap.x).select(2, tap.y);
  return matrix.stride(1) == 1 ? matrix : matrix.contiguous();
}

Extent spatial(const at::Tensor& images) { return {images.size(2), images.size(3)}; }

class TapProducts : public torch::autograd::Function<TapProducts> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, const at::Tensor& weight, Geometry g) {
    context->save_for_backward({input, weight});
    context->saved_data["stride"] = std::vector<int64_t>(g.stride.begin(), g.stride.end());
    context->saved_data["padding"] = std::vector<int64_t>(g.padding.begin(), g.padding.end());
    const at::Tensor pixels = by_pixel(input);
    const at::Tensor output = at::zeros({g.out[0] * g.out[1], input.size(0), weight.size(0)}, input.options());
    for (const Tap& tap : taps_of(g)) {
      const at::Tensor matrix = matrix_of(weight, tap).t();
      for (const PixelRun& run : tap.runs) {
        rows_of(output, run.output, run.length).addmm_(rows_of(pixels, run.input, run.length), matrix);
      }
    }
    return to_images(output, g.out, input.suggest_memory_format());
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1];
    const auto stride = context->saved_data["stride"].toIntVector(),
               padding = context->saved_data["padding"].toIntVector();
    const Geometry g{
        spatial(weight), {stride[0], stride[1]}, {padding[0], padding[1]}, spatial(input), spatial(gradients[0])};
    const bool of_input = context->needs_input_grad(0), of_weight = context->needs_input_grad(1);
    const at::Tensor pixels = by_pixel(input), gradient = by_pixel(gradients[0]);
    const at::Tensor to_pixels = of_input ? at::zeros_like(pixels) : at::Tensor();
    const at::Tensor to_weight = of_weight ? at::zeros_like(weight) : at::Tensor();
    for (const Tap& tap : taps_of(g)) {
      if (of_input) add_to_pixels(to_pixels, gradient, matrix_of(weight, tap), tap);
      if (of_weight) to_weight.select(3, tap.x).select(2, tap.y).copy_(matrix_gradient(gradient, pixels, tap));
    }
    return {of_input ? to_images(to_pixels, g.in, input.suggest_memory_format()) : at::Tensor(), to_weight,
            at::Tensor()};
  }

 private:
  static void add_to_pixels(const at::Tensor& pixels, const at::Tensor& gradient, const at::Tensor& matrix,
                            const Tap& tap) {
    for (const PixelRun& run : tap.runs) {
      rows_of(pixels, run.input, run.length).addmm_(rows_of(gradient, run.output, run.length), matrix);
    }
  }

  static at::Tensor matrix_gradient(const at::Tensor& gradient, const at::Tensor& pixels, const Tap& tap) {
    at::Tensor sum;
    for (const PixelRun& run : tap.runs) {
      const at::Tensor left = rows_of(gradient, run.output, run.length).t();
      const at::Tensor right = rows_of(pixels, run.input, run.length);
      sum = sum.defined() ? sum.addmm_(left, right) : left.mm(right);
    }
    return sum;
  }
};

Geometry geometry_of(const at::Tensor& input, const Conv2dOptions& o) {
  Geometry g{*o.kernel, *o.stride, *o.padding, spatial(input), {}};
  for (std::size_t axis : {0, 1})
    g.out[axis] = (g.in[axis] + 2 * g.padding[axis] - g.kernel[axis]) / g.stride[axis] + 1;
  return g;
}

}  // namespace

bool prefers_tap_products(const at::Tensor& input, const at::Tensor& weight, const Conv2dOptions& o) {
  if (o.groups != 1 || *o.dilation != Extent{1, 1} || *o.kernel == Extent{1, 1}) return false;
  if (std::min({input.size(0), weight.size(0), weight.size(1)}) < kFewestProducts) return false;
  const Extent out = geometry_of(input, o).out;
  return out[0] * out[1] <= kMostPixels && input.is_cpu() && input.scalar_type() == weight.scalar_type() &&
         !torch::jit::tracer::isTracing() && !Autocast::current(at::kCPU).type;
}

at::Tensor convolve_by_taps(const at::Tensor& input, const at::Tensor& weight, const Conv2dOptions& options) {
  return TapProducts::apply(input, weight, geometry_of(input, options));
}

}  // namespace mlrun::nn
