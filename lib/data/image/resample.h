#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/image/view.h"
#include "data/taps.h"

/// The inner loops of resizing, on plain memory. Those of all instruction sets give the same bits.
namespace mlrun::data {

/// Bytes behind the last of a row that the loops may write.
constexpr std::int64_t kRowSlack = 32;

/// The loops of one instruction set.
struct ResampleKernels {
  std::string name;
  /// Each row of `in` resampled along itself to taps.size() pixels, `stride` bytes apart. The first
  /// column of `in` is number `origin` of the axis.
  void (*along)(const ImageView& in, std::int64_t origin, const Taps& taps, std::uint8_t* out, std::int64_t stride);
  /// One output row from the rows that position `at` reads; the first row of `in` is number `origin`
  /// of the axis. Behind each row of `in` are kRowSlack bytes that may be read.
  void (*across)(const ImageView& in, std::int64_t origin, const Taps& taps, std::int64_t at, std::uint8_t* out);
};

/// The fastest that this machine has.
const ResampleKernels& resample_kernels();
/// All that this machine has, the plain one first.
const std::vector<ResampleKernels>& all_resample_kernels();

}  // namespace mlrun::data
