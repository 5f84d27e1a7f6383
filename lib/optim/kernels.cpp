#include "optim/kernels.h"

#include <type_traits>

// GCC vectorises loops of unknown length at -O3 only (and a square root only under -fno-math-errno, which the build
// sets). Neither changes a result: no operation is reordered, replaced or contracted.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

namespace mlrun::optim {
namespace {

inline float square_root(float x) { return __builtin_sqrtf(x); }
inline double square_root(double x) { return __builtin_sqrt(x); }

/// Calls `body` with `flag` as a type, so that loops inside are compiled without the branch.
template <class Body>
void specialise(bool flag, const Body& body) {
  if (flag) body(std::true_type());
  else body(std::false_type());
}

template <class Scalar, class Decayed, class Nesterov>
void momentum_loop(std::int64_t size, Scalar* __restrict parameter, const Scalar* __restrict gradient,
                   Scalar* __restrict buffer, const SgdUpdate& update, Decayed, Nesterov) {
  const auto rate = static_cast<Scalar>(-update.lr);
  const auto weight_decay = static_cast<Scalar>(update.weight_decay);
  const auto momentum = static_cast<Scalar>(update.momentum);
  const auto decay = static_cast<Scalar>(update.decay);
  const auto gain = static_cast<Scalar>(update.gain);
  for (std::int64_t i = 0; i < size; ++i) {
    Scalar g = gradient[i];
    if constexpr (Decayed::value) g += weight_decay * parameter[i];
    const Scalar b = decay * buffer[i] + gain * g;
    buffer[i] = b;
    if constexpr (Nesterov::value) g += momentum * b;
    else g = b;
    parameter[i] += rate * g;
  }
}

template <class Scalar, class Decayed>
void plain_loop(std::int64_t size, Scalar* __restrict parameter, const Scalar* __restrict gradient,
                const SgdUpdate& update, Decayed) {
  const auto rate = static_cast<Scalar>(-update.lr);
  const auto weight_decay = static_cast<Scalar>(update.weight_decay);
  for (std::int64_t i = 0; i < size; ++i) {
    Scalar g = gradient[i];
    if constexpr (Decayed::value) g += weight_decay * parameter[i];
    parameter[i] += rate * g;
  }
}

template <class Scalar, class Decayed, class Amsgrad>
void adam_loop(std::int64_t size, Scalar* __restrict parameter, const Scalar* __restrict gradient,
               Scalar* __restrict first, Scalar* __restrict second, Scalar* __restrict largest,
               const AdamUpdate& update, Decayed, Amsgrad) {
  const auto beta1 = static_cast<Scalar>(update.beta1), rest1 = static_cast<Scalar>(1 - update.beta1);
  const auto beta2 = static_cast<Scalar>(update.beta2), rest2 = static_cast<Scalar>(1 - update.beta2);
  const auto eps = static_cast<Scalar>(update.eps), correction = static_cast<Scalar>(update.correction);
  const auto rate = static_cast<Scalar>(-update.step_size), shrink = static_cast<Scalar>(update.shrink);
  const auto weight_decay = static_cast<Scalar>(update.weight_decay);
  for (std::int64_t i = 0; i < size; ++i) {
    Scalar g = gradient[i];
    if constexpr (Decayed::value) g += weight_decay * parameter[i];
    const Scalar m = beta1 * first[i] + rest1 * g;
    const Scalar v = beta2 * second[i] + rest2 * g * g;
    first[i] = m;
    second[i] = v;
    Scalar scale = v;
    if constexpr (Amsgrad::value) {
      // NaN on either side stays NaN, as in torch.maximum.
      scale = largest[i] > v || largest[i] != largest[i] ? largest[i] : v;
      largest[i] = scale;
    }
    parameter[i] = shrink * parameter[i] + rate * m / (square_root(scale) / correction + eps);
  }
}

template <class Scalar, class Decayed, class Centered, class Momentum>
void rmsprop_loop(std::int64_t size, Scalar* __restrict parameter, const Scalar* __restrict gradient,
                  Scalar* __restrict square, Scalar* __restrict mean, Scalar* __restrict buffer,
                  const RmspropUpdate& update, Decayed, Centered, Momentum) {
  const auto alpha = static_cast<Scalar>(update.alpha), rest = static_cast<Scalar>(1 - update.alpha);
  const auto eps = static_cast<Scalar>(update.eps), rate = static_cast<Scalar>(-update.lr);
  const auto weight_decay = static_cast<Scalar>(update.weight_decay);
  const auto momentum = static_cast<Scalar>(update.momentum), gain = static_cast<Scalar>(update.gain);
  const auto inner_eps = static_cast<Scalar>(update.inner_eps);
  for (std::int64_t i = 0; i < size; ++i) {
    Scalar g = gradient[i];
    if constexpr (Decayed::value) g += weight_decay * parameter[i];
    const Scalar s = alpha * square[i] + rest * g * g;
    square[i] = s;
    Scalar variance = s;
    if constexpr (Centered::value) {
      const Scalar m = alpha * mean[i] + rest * g;
      mean[i] = m;
      variance -= m * m;
    }
    const Scalar scale = square_root(variance + inner_eps) + eps;
    if constexpr (Momentum::value) {
      const Scalar b = momentum * buffer[i] + gain * g / scale;
      buffer[i] = b;
      parameter[i] += rate * b;
    } else {
      parameter[i] += rate * g / scale;
    }
  }
}

}  // namespace

template <class Scalar>
void sgd_pass(std::int64_t size, Scalar* parameter, const Scalar* gradient, Scalar* buffer, const SgdUpdate& update) {
  specialise(update.weight_decay != 0, [&](auto decayed) {
    if (update.momentum == 0) return plain_loop(size, parameter, gradient, update, decayed);
    specialise(update.nesterov,
               [&](auto nesterov) { momentum_loop(size, parameter, gradient, buffer, update, decayed, nesterov); });
  });
}

template <class Scalar>
void adam_pass(std::int64_t size, Scalar* parameter, const Scalar* gradient, Scalar* first, Scalar* second,
               Scalar* largest, const AdamUpdate& update) {
  specialise(update.weight_decay != 0, [&](auto decayed) {
    specialise(largest != nullptr, [&](auto amsgrad) {
      adam_loop(size, parameter, gradient, first, second, largest, update, decayed, amsgrad);
    });
  });
}

template <class Scalar>
void rmsprop_pass(std::int64_t size, Scalar* parameter, const Scalar* gradient, Scalar* square, Scalar* mean,
                  Scalar* buffer, const RmspropUpdate& update) {
  specialise(update.weight_decay != 0, [&](auto decayed) {
    specialise(mean != nullptr, [&](auto centered) {
      specialise(buffer != nullptr, [&](auto momentum) {
        rmsprop_loop(size, parameter, gradient, square, mean, buffer, update, decayed, centered, momentum);
      });
    });
  });
}

template void sgd_pass(std::int64_t, float*, const float*, float*, const SgdUpdate&);
template void sgd_pass(std::int64_t, double*, const double*, double*, const SgdUpdate&);
template void adam_pass(std::int64_t, float*, const float*, float*, float*, float*, const AdamUpdate&);
template void adam_pass(std::int64_t, double*, const double*, double*, double*, double*, const AdamUpdate&);
template void rmsprop_pass(std::int64_t, float*, const float*, float*, float*, float*, const RmspropUpdate&);
template void rmsprop_pass(std::int64_t, double*, const double*, double*, double*, double*, const RmspropUpdate&);

double sum_of_squares(std::int64_t size, const float* values) {
  constexpr int kLanes = 8;  // sums of their own, which the compiler may keep side by side
  double lanes[kLanes] = {};
  const std::int64_t whole = size - size % kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) {
      const double value = values[i + lane];
      lanes[lane] += value * value;
    }
  }
  double sum = 0;
  for (const double lane : lanes) sum += lane;
  for (std::int64_t i = whole; i < size; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum;
}

}  // namespace mlrun::optim
