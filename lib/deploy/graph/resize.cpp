#include <algorithm>
#include <cmath>
#include <vector>

#include "deploy/graph/kernels.h"
#include "deploy/graph/share.h"

namespace mlrun::deploy {
namespace {

constexpr std::int64_t kBandRows = 64;  // of the result, that one thread makes of a plane

/// Between which two places of a side each place of the result lies. The scale is float32's, as LibTorch's.
struct Between {
  std::vector<std::int32_t> before, after;
  std::vector<float> near, far;  ///< weights of the one before and the one after

  Between(std::int64_t from, std::int64_t to) {
    const float scale = static_cast<float>(from) / static_cast<float>(to);
    for (std::int64_t i = 0; i < to; ++i) {
      const auto place = static_cast<float>(std::max(scale * (static_cast<double>(i) + 0.5) - 0.5, 0.0));
      before.push_back(static_cast<std::int32_t>(std::min(static_cast<std::int64_t>(place), from - 1)));
      after.push_back(static_cast<std::int32_t>(std::min<std::int64_t>(before.back() + 1, from - 1)));
      far.push_back(std::min(std::max(place - static_cast<float>(before.back()), 0.0f), 1.0f));
      near.push_back(1.0f - far.back());
    }
  }
  std::int64_t size() const { return static_cast<std::int64_t>(before.size()); }
};

MLRUN_CLONES void blend_rows(const float* a, const float* b, float near, float far, std::int64_t count, float* y) {
  MLRUN_ELEMENTWISE
  for (std::int64_t i = 0; i < count; ++i) y[i] = a[i] * near + b[i] * far;
}

MLRUN_CLONES void stretch_row(const float* x, const Between& columns, std::int64_t block, float* y) {
  const std::int32_t *before = columns.before.data(), *after = columns.after.data();
  const std::int64_t size = columns.size();
  const float *near = columns.near.data(), *far = columns.far.data();
  if (block == 1) {
    MLRUN_ELEMENTWISE
    for (std::int64_t j = 0; j < size; ++j) y[j] = x[before[j]] * near[j] + x[after[j]] * far[j];
    return;
  }
  for (std::int64_t j = 0; j < size; ++j) {
    const float *a = x + before[j] * block, *b = x + after[j] * block;
    MLRUN_ELEMENTWISE
    for (std::int64_t l = 0; l < block; ++l) y[j * block + l] = a[l] * near[j] + b[l] * far[j];
  }
}

/// The place that each place of the result lies in, as LibTorch rounds it.
std::vector<std::int32_t> nearest(std::int64_t from, std::int64_t to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  std::vector<std::int32_t> places;
  for (std::int64_t i = 0; i < to; ++i) {
    const auto place = static_cast<std::int64_t>(std::floor(static_cast<float>(i) * scale));
    places.push_back(static_cast<std::int32_t>(std::min(place, from - 1)));
  }
  return places;
}

/// y = [residual +] the row's pixels at these columns.
MLRUN_CLONES void repeat_row(const float* x, const float* residual, const std::vector<std::int32_t>& columns,
                             std::int64_t block, float* y) {
  const auto size = static_cast<std::int64_t>(columns.size());
  const std::int32_t* column = columns.data();
  if (block == 1) {
    MLRUN_ELEMENTWISE
    for (std::int64_t j = 0; j < size; ++j) y[j] = residual ? residual[j] + x[column[j]] : x[column[j]];
    return;
  }
  for (std::int64_t j = 0; j < size; ++j) {
    const float* pixel = x + column[j] * block;
    if (!residual) {
      std::copy_n(pixel, block, y + j * block);
      continue;
    }
    MLRUN_ELEMENTWISE
    for (std::int64_t l = 0; l < block; ++l) y[j * block + l] = residual[j * block + l] + pixel[l];
  }
}

/// Rows of a plane that are as wide as the result already; the two that were asked for last.
class WideRows {
 public:
  WideRows(const float* plane, std::int64_t row_floats, const Between& columns, std::int64_t block)
      : plane_(plane), row_floats_(row_floats), columns_(columns), block_(block) {
    for (auto& row : rows_) row.resize(static_cast<std::size_t>(columns.size() * block));
  }

  /// The row; the one that is kept stays where it is.
  const float* get(std::int64_t row, std::int64_t kept) {
    for (int i = 0; i < 2; ++i) {
      if (numbers_[i] == row) return rows_[i].data();
    }
    const int free = numbers_[0] == kept ? 1 : 0;
    numbers_[free] = row;
    stretch_row(plane_ + row * row_floats_, columns_, block_, rows_[free].data());
    return rows_[free].data();
  }

 private:
  const float* plane_;
  std::int64_t row_floats_;
  const Between& columns_;
  std::int64_t block_, numbers_[2] = {-1, -1};
  std::vector<float> rows_[2];
};

}  // namespace

void resize_bilinear(const float* x, const ResizeShape& shape, float* y) {
  const Between rows(shape.rows, shape.to_rows), columns(shape.columns, shape.to_columns);
  const std::int64_t bands = (shape.to_rows + kBandRows - 1) / kBandRows;
  const std::int64_t in_row = shape.columns * shape.block, out_row = shape.to_columns * shape.block;
  share(shape.planes * bands, kBandRows * out_row, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t plane = i / bands, begin = i % bands * kBandRows;
      WideRows wide(x + plane * shape.rows * in_row, in_row, columns, shape.block);
      for (std::int64_t r = begin; r < std::min(begin + kBandRows, shape.to_rows); ++r) {
        const auto at = static_cast<std::size_t>(r);
        const float* above = wide.get(rows.before[at], rows.after[at]);
        const float* below = wide.get(rows.after[at], rows.before[at]);
        blend_rows(above, below, rows.near[at], rows.far[at], out_row, y + (plane * shape.to_rows + r) * out_row);
      }
    }
  });
}

void resize_nearest(const float* x, const float* residual, const ResizeShape& shape, float* y) {
  const auto rows = nearest(shape.rows, shape.to_rows), columns = nearest(shape.columns, shape.to_columns);
  const std::int64_t in_row = shape.columns * shape.block, out_row = shape.to_columns * shape.block;
  share(shape.planes * shape.to_rows, out_row, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t plane = i / shape.to_rows;
      const std::int64_t row = plane * shape.rows + rows[static_cast<std::size_t>(i % shape.to_rows)];
      repeat_row(x + row * in_row, residual ? residual + i * out_row : nullptr, columns, shape.block, y + i * out_row);
    }
  });
}

}  // namespace mlrun::deploy
