#include "nn/boxes/roi_align.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <torch/autograd.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include "nn/boxes/kernels.h"
#include "nn/boxes/operators.h"
#include "nn/boxes/share.h"

namespace mlrun::nn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Where along one axis a region is sampled.
template <class Scalar>
struct Axis {
  Scalar start, cell;
  std::int64_t samples;  ///< of a cell
};

/// The two pixels about a sample and how near it is to them; `inside` the map or at most one pixel away.
template <class Scalar>
struct Neighbours {
  bool inside;
  std::int32_t low, high;
  Scalar to_low, to_high;
};

template <class Scalar>
Axis<Scalar> axis_of(Scalar begin, Scalar end, std::int64_t cells, const RoiAlign& how) {
  const auto scale = static_cast<Scalar>(how.scale), offset = static_cast<Scalar>(how.aligned ? 0.5 : 0);
  const Scalar start = begin * scale - offset;
  Scalar length = end * scale - offset - start;
  if (!how.aligned) length = std::max(length, Scalar(1));
  const Scalar cell = length / static_cast<Scalar>(cells);
  return {start, cell, how.samples > 0 ? how.samples : static_cast<std::int64_t>(std::ceil(cell))};
}

template <class Scalar>
Neighbours<Scalar> neighbours(const Axis<Scalar>& axis, std::int64_t cell, std::int64_t sample, std::int64_t pixels) {
  const Scalar within = (static_cast<Scalar>(sample) + Scalar(0.5)) * axis.cell / static_cast<Scalar>(axis.samples);
  Scalar at = axis.start + static_cast<Scalar>(cell) * axis.cell + within;
  if (!(at >= Scalar(-1) && at <= static_cast<Scalar>(pixels))) return {false, 0, 0, 0, 0};
  at = std::max(at, Scalar(0));
  auto low = static_cast<std::int32_t>(at), high = low + 1;
  if (low >= pixels - 1) {
    low = high = static_cast<std::int32_t>(pixels - 1);
    at = static_cast<Scalar>(low);
  }
  const Scalar rest = at - static_cast<Scalar>(low);
  return {true, low, high, Scalar(1) - rest, rest};
}

/// All samples of a region, cell by cell. Those outside the map have no weight.
template <class Scalar>
std::vector<BilinearPoint<Scalar>> points_of(const Axis<Scalar>& rows, const Axis<Scalar>& columns, std::int64_t height,
                                             std::int64_t width, const RoiAlign& how) {
  std::vector<BilinearPoint<Scalar>> points;
  points.reserve(
      static_cast<std::size_t>(how.height * how.width * std::max<std::int64_t>(0, rows.samples * columns.samples)));
  for (std::int64_t cell = 0; cell < how.height * how.width; ++cell) {
    for (std::int64_t row = 0; row < rows.samples; ++row) {
      const auto y = neighbours(rows, cell / how.width, row, height);
      for (std::int64_t column = 0; column < columns.samples; ++column) {
        const auto x = neighbours(columns, cell % how.width, column, width);
        if (!y.inside || !x.inside) {
          points.push_back({{0, 0, 0, 0}, {0, 0, 0, 0}});
          continue;
        }
        const auto w = static_cast<std::int32_t>(width);
        points.push_back({{y.low * w + x.low, y.low * w + x.high, y.high * w + x.low, y.high * w + x.high},
                          {y.to_low * x.to_low, y.to_low * x.to_high, y.to_high * x.to_low, y.to_high * x.to_high}});
      }
    }
  }
  return points;
}

/// A region [5] that was read: its image and its samples.
template <class Scalar>
struct Region {
  std::int64_t image;
  std::vector<BilinearPoint<Scalar>> points;
  RegionPoints<Scalar> view;

  Region(const Scalar* region, std::int64_t height, std::int64_t width, const RoiAlign& how)
      : image(static_cast<std::int64_t>(region[0])) {
    const auto rows = axis_of(region[2], region[4], how.height, how);
    const auto columns = axis_of(region[1], region[3], how.width, how);
    points = points_of(rows, columns, height, width, how);
    view = {points.data(), how.height * how.width, static_cast<std::int64_t>(points.size()) / (how.height * how.width)};
  }
};

/// [cells, channels] as [channels, cells].
template <class Scalar>
void transpose(const Scalar* from, std::int64_t cells, std::int64_t channels, Scalar* to) {
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t i = 0; i < cells; ++i) *to++ = from[i * channels + c];
  }
}

/// Neighbouring channels are sampled together; rearranging the maps for it pays where their pixels are visited often.
bool prefers_pixels(const torch::Tensor& maps, const torch::Tensor& regions, const RoiAlign& how) {
  if (maps.is_contiguous(torch::MemoryFormat::ChannelsLast)) return true;
  return regions.size(0) * how.height * how.width >= maps.size(0) * maps.size(2) * maps.size(3) / 4;
}

template <class Scalar>
torch::Tensor forward_of(const torch::Tensor& maps, const torch::Tensor& regions, const RoiAlign& how) {
  const std::int64_t channels = maps.size(1), height = maps.size(2), width = maps.size(3),
                     image = channels * height * width;
  const std::int64_t cells = how.height * how.width;
  const bool by_pixel = prefers_pixels(maps, regions, how);
  const torch::Tensor from =
      maps.contiguous(by_pixel ? torch::MemoryFormat::ChannelsLast : torch::MemoryFormat::Contiguous);
  const torch::Tensor wanted = regions.contiguous();
  torch::Tensor result = torch::empty({regions.size(0), channels, how.height, how.width}, maps.options());
  const auto* map = from.data_ptr<Scalar>();
  const auto* first = wanted.data_ptr<Scalar>();
  auto* out = result.data_ptr<Scalar>();
  share(regions.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<Scalar> room(by_pixel ? static_cast<std::size_t>(cells * channels) : 0);
    for (std::int64_t i = begin; i < end; ++i) {
      const Region<Scalar> region(first + 5 * i, height, width, how);
      const Scalar* here = map + region.image * image;
      Scalar* to = out + i * cells * channels;
      if (by_pixel) {
        pool_region(region.view, here, channels, room.data());
        transpose(room.data(), cells, channels, to);
      } else {
        pool_region_by_planes(region.view, here, height * width, channels, to);
      }
    }
  });
  return result;
}

/// Threads share the channels: each pixel's sum has the order of the regions, whatever their number.
template <class Scalar>
torch::Tensor backward_of(const torch::Tensor& gradient, const torch::Tensor& regions, at::IntArrayRef shape,
                          const RoiAlign& how) {
  const std::int64_t channels = shape[1], height = shape[2], width = shape[3], cells = how.height * how.width;
  torch::Tensor result = torch::zeros({shape[0], height, width, channels}, gradient.options());
  const torch::Tensor given = gradient.contiguous(), wanted = regions.contiguous();
  const auto* from = given.data_ptr<Scalar>();
  const auto* first = wanted.data_ptr<Scalar>();
  auto* out = result.data_ptr<Scalar>();
  constexpr std::int64_t kChannels = 16;  // those of a cache line or two
  share(channels, kChannels, [&](std::int64_t begin, std::int64_t end) {
    std::vector<Scalar> room(static_cast<std::size_t>(end - begin));
    for (std::int64_t i = 0; i < wanted.size(0); ++i) {
      const Region<Scalar> region(first + 5 * i, height, width, how);
      spread_region(region.view, from + i * channels * cells, begin, end, channels,
                    out + region.image * height * width * channels, room.data());
    }
  });
  return result.permute({0, 3, 1, 2});
}

class RoiAlignFunction : public torch::autograd::Function<RoiAlignFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& maps, const at::Tensor& regions,
                            const RoiAlign& how) {
    context->save_for_backward({regions});
    context->saved_data["shape"] = maps.sizes().vec();
    context->saved_data["how"] = std::vector<std::int64_t>{how.height, how.width, how.samples, how.aligned};
    context->saved_data["scale"] = how.scale;
    return maps.scalar_type() == torch::kFloat ? forward_of<float>(maps, regions, how)
                                               : forward_of<double>(maps, regions, how);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto how = context->saved_data["how"].toIntVector(), shape = context->saved_data["shape"].toIntVector();
    const RoiAlign same{how[0], how[1], context->saved_data["scale"].toDouble(), how[2], how[3] != 0};
    const at::Tensor regions = context->get_saved_variables().front(), &gradient = gradients.front();
    return {gradient.scalar_type() == torch::kFloat ? backward_of<float>(gradient, regions, shape, same)
                                                    : backward_of<double>(gradient, regions, shape, same),
            at::Tensor(), at::Tensor()};
  }
};

}  // namespace

torch::Tensor roi_align(const torch::Tensor& maps, const torch::Tensor& regions, const RoiAlign& how) {
  if (torch::jit::tracer::isTracing())
    return roi_align_by_operators(maps, regions.detach().to(maps.scalar_type()), how);
  return roi_align_of_numbers(maps, regions, how);
}

torch::Tensor roi_align_of_numbers(const torch::Tensor& maps, const torch::Tensor& regions, const RoiAlign& how) {
  const auto type = maps.scalar_type();
  const torch::Tensor same = regions.detach().to(type);
  const bool has_kernel = maps.is_cpu() && (type == torch::kFloat || type == torch::kDouble);
  return has_kernel ? RoiAlignFunction::apply(maps, same, how) : roi_align_by_operators(maps, same, how);
}

}  // namespace mlrun::nn
