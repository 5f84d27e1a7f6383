#pragma once

#include <cstdint>

/// Inner loops over boxes and regions, free of LibTorch so that this one file is compiled to be vectorised. `Scalar` is
/// float or double; each result is computed by the same operations, in the same order, as torchvision's.
namespace mlrun::nn {

/// Boxes by coordinate, each array of the same length.
template <class Scalar>
struct BoxColumns {
  const Scalar *left, *top, *right, *bottom, *area;
};

/// Intersection over union of box `at` of `a` with boxes [begin, end) of `b`, into `out` [end - begin].
template <class Scalar>
void iou_row(const BoxColumns<Scalar>& a, std::int64_t at, const BoxColumns<Scalar>& b, std::int64_t begin,
             std::int64_t end, Scalar* out);

/// Sets `gone` to 1 for those of boxes [at + 1, count) whose IoU with box `at` is above `threshold`.
template <class Scalar>
void suppress(const BoxColumns<Scalar>& boxes, std::int64_t at, std::int64_t count, Scalar threshold,
              std::int32_t* gone);

/// A bilinear sample: four pixels of a map and their weights.
template <class Scalar>
struct BilinearPoint {
  std::int32_t pixel[4];
  Scalar weight[4];
};

/// Cells of a region: `per_cell` points each, one cell after another.
template <class Scalar>
struct RegionPoints {
  const BilinearPoint<Scalar>* points;
  std::int64_t cells, per_cell;
};

/// Means of a region's cells, into `out` [cells, channels], from `map` [pixels, channels].
template <class Scalar>
void pool_region(const RegionPoints<Scalar>& region, const Scalar* map, std::int64_t channels, Scalar* out);

/// The same from `map` [channels, pixels] into `out` [channels, cells].
template <class Scalar>
void pool_region_by_planes(const RegionPoints<Scalar>& region, const Scalar* map, std::int64_t pixels,
                           std::int64_t channels, Scalar* out);

/// Adds to channels [begin, end) of `map` [pixels, channels] the gradient of a region, whose channel c of cell i is
/// `gradient[c * cells + i]`. `room` is for end - begin numbers.
template <class Scalar>
void spread_region(const RegionPoints<Scalar>& region, const Scalar* gradient, std::int64_t begin, std::int64_t end,
                   std::int64_t channels, Scalar* map, Scalar* room);

}  // namespace mlrun::nn
