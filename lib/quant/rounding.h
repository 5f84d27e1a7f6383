#pragma once

#include <cstddef>
#include <cstdint>

namespace mlrun::quant {

/// out[i] = values[i] * inverse_scale, rounded to the nearest whole number (halves to even), plus zero_point, brought
/// into 0..255. NaN becomes 0. As LibTorch's quantize_per_tensor on CPUs without FBGEMM, which goes value by value.
void round_to_uint8(const float* values, std::uint8_t* out, std::size_t count, float inverse_scale, int zero_point);

}  // namespace mlrun::quant
