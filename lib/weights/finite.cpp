#include "weights/finite.h"

#include <algorithm>
#include <atomic>
#include <cstdint>

#include <ATen/Parallel.h>
#include <torch/types.h>

#include "base/error.h"

namespace mlrun::weights {
namespace {

/// NaN and infinity have all bits of the exponent set: its lowest added to them, and to them alone, carries into the
/// sign's place. A cache line at a time, so that -O2 makes vector code of it.
template <class Bits>
bool finite_bits(const Bits* values, std::int64_t count, Bits exponent) {
  constexpr std::int64_t kLanes = 64 / sizeof(Bits);
  const auto lowest = static_cast<Bits>(exponent & (~exponent + 1));
  const auto carried = [&](Bits value) { return static_cast<Bits>((value & exponent) + lowest); };
  Bits seen[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) seen[lane] |= carried(values[i + lane]);
  }
  for (; i < count; ++i) seen[0] |= carried(values[i]);
  return std::none_of(seen, seen + kLanes, [](Bits bits) { return (bits >> (8 * sizeof(Bits) - 1)) != 0; });
}

template <class Bits>
bool finite_range(const torch::Tensor& dense, std::int64_t numbers, Bits exponent) {
  constexpr std::int64_t kGrain = 1 << 18;
  const auto* values = static_cast<const Bits*>(dense.data_ptr());
  std::atomic<bool> finite{true};
  at::parallel_for(0, numbers, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end && finite; at += kGrain) {
      if (!finite_bits(values + at, std::min(kGrain, end - at), exponent)) finite = false;
    }
  });
  return finite;
}

}  // namespace

bool is_finite(const torch::Tensor& tensor) {
  if (tensor.numel() == 0 || !(tensor.is_floating_point() || tensor.is_complex())) return true;
  if (tensor.layout() != torch::kStrided) return is_finite(tensor.to_dense());
  if (!tensor.is_cpu()) return tensor.isfinite().all().item<bool>();
  const torch::Tensor dense = tensor.is_non_overlapping_and_dense() ? tensor.detach() : tensor.detach().contiguous();
  const std::int64_t count = dense.numel();
  switch (dense.scalar_type()) {
    case torch::kFloat32: return finite_range<std::uint32_t>(dense, count, 0x7F800000U);
    case torch::kComplexFloat: return finite_range<std::uint32_t>(dense, 2 * count, 0x7F800000U);
    case torch::kFloat64: return finite_range<std::uint64_t>(dense, count, 0x7FF0000000000000U);
    case torch::kComplexDouble: return finite_range<std::uint64_t>(dense, 2 * count, 0x7FF0000000000000U);
    case torch::kFloat16: return finite_range<std::uint16_t>(dense, count, 0x7C00U);
    case torch::kBFloat16: return finite_range<std::uint16_t>(dense, count, 0x7F80U);
    default: return dense.isfinite().all().item<bool>();
  }
}

std::optional<std::string> first_not_finite(const NamedTensors& tensors) {
  const auto found =
      std::find_if(tensors.begin(), tensors.end(), [](const auto& item) { return !is_finite(item.second); });
  return found == tensors.end() ? std::nullopt : std::optional<std::string>(found->first);
}

void refuse_not_finite(const NamedTensors& tensors, const std::string& file) {
  const auto first = first_not_finite(tensors);
  if (!first) return;
  const auto count =
      std::count_if(tensors.begin(), tensors.end(), [](const auto& item) { return !is_finite(item.second); });
  const std::string others = count == 1 ? "" : ", as do " + std::to_string(count - 1) + " more of its tensors";
  throw UserError(Problem{file, 0, 0, printable_name(*first), "holds numbers that are not finite" + others,
                          "such weights are spoilt: take those of an earlier checkpoint, or another file"});
}

}  // namespace mlrun::weights
