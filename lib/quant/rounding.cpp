#include "quant/rounding.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

namespace mlrun::quant {

void round_to_uint8(const float* values, std::uint8_t* out, std::size_t count, float inverse_scale, int zero_point) {
  // Adding it leaves no bits behind the point.
  constexpr float kWhole = 12582912.0F;  // 1.5 * 2^23
  const auto zero = static_cast<float>(zero_point);
  const float least = -zero, most = 255.0F - zero;
  for (std::size_t i = 0; i < count; ++i) {
    float value = values[i] * inverse_scale;
    value = value > least ? value : least;
    value = value < most ? value : most;
    const float whole = (value + kWhole) - kWhole;
    out[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(whole + zero));
  }
}

}  // namespace mlrun::quant
