#include "data/taps.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace mlrun::data {
namespace {

double triangle(double x) {
  x = std::abs(x);
  return x < 1 ? 1 - x : 0;
}

double cubic(double x) {  // Keys' kernel with a = -0.5
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

std::int32_t fixed_point(double weight) {
  const double scaled = weight * (1 << kWeightBits);
  return static_cast<std::int32_t>(weight < 0 ? scaled - 0.5 : scaled + 0.5);
}

/// Room for `most` taps at each wanted position.
Taps empty_taps(const Axis& axis, std::int64_t most) {
  Taps taps;
  taps.most = (most + 3) / 4 * 4;
  taps.first.reserve(static_cast<std::size_t>(axis.count));
  taps.count.reserve(static_cast<std::size_t>(axis.count));
  taps.weights.assign(static_cast<std::size_t>(axis.count * taps.most), 0);
  return taps;
}

/// One input position for each output position.
Taps single_taps(const Axis& axis, const std::vector<std::int64_t>& positions) {
  Taps taps = empty_taps(axis, 1);
  for (std::size_t i = 0; i < positions.size(); ++i) {
    taps.weights[i * static_cast<std::size_t>(taps.most)] = 1 << kWeightBits;
    taps.count.push_back(1);
  }
  taps.first = positions;
  return taps;
}

/// Positions by repeated addition, as Pillow finds them: a product would round differently.
Taps nearest_taps(const Axis& axis) {
  const double step = axis.length / static_cast<double>(axis.to);
  std::vector<std::int64_t> positions;
  double at = axis.start - static_cast<double>(axis.first) + step * 0.5;
  for (std::int64_t i = 0; i < axis.begin + axis.count; ++i, at += step) {
    if (i < axis.begin) continue;
    positions.push_back(std::min(axis.first + static_cast<std::int64_t>(at), axis.end - 1));
  }
  return single_taps(axis, positions);
}

Taps copying_taps(const Axis& axis) {
  std::vector<std::int64_t> positions;
  for (std::int64_t i = 0; i < axis.count; ++i) positions.push_back(axis.first + axis.begin + i);
  Taps taps = single_taps(axis, positions);
  taps.copies = true;
  return taps;
}

Taps kernel_taps(const Axis& axis, bool bicubic) {
  const auto kernel = bicubic ? cubic : triangle;
  const double scale = axis.length / static_cast<double>(axis.to);
  const double stretch = std::max(scale, 1.0);  // the kernel grows with the reduction: antialiasing
  const double support = (bicubic ? 2.0 : 1.0) * stretch;
  const double shrink = 1.0 / stretch;
  const double before = axis.start - static_cast<double>(axis.first);
  const std::int64_t length = axis.end - axis.first;
  Taps taps = empty_taps(axis, static_cast<std::int64_t>(std::ceil(support)) * 2 + 1);
  std::vector<double> exact(static_cast<std::size_t>(taps.most));
  for (std::int64_t i = 0; i < axis.count; ++i) {
    const double center = before + (static_cast<double>(axis.begin + i) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(static_cast<std::int64_t>(center - support + 0.5), 0);
    const auto count = std::min(static_cast<std::int64_t>(center + support + 0.5), length) - first;
    double sum = 0;
    for (std::int64_t k = 0; k < count; ++k) {
      exact[static_cast<std::size_t>(k)] = kernel((static_cast<double>(k + first) - center + 0.5) * shrink);
      sum += exact[static_cast<std::size_t>(k)];
    }
    std::int32_t* weights = taps.weights.data() + i * taps.most;
    for (std::int64_t k = 0; k < count; ++k) {
      const double weight = exact[static_cast<std::size_t>(k)];
      weights[k] = fixed_point(sum != 0 ? weight / sum : weight);
    }
    taps.first.push_back(axis.first + first);
    taps.count.push_back(count);
  }
  return taps;
}

/// Rounds to what has no lower part; the largest weight takes what is then missing, so that even areas stay as they
/// are.
void coarsen_weights(Taps& taps) {
  constexpr std::int32_t kStep = 1 << kLowBits;
  for (auto run = taps.weights.begin(); run != taps.weights.end(); run += taps.most) {
    std::int32_t missing = 1 << kWeightBits;
    for (auto weight = run; weight != run + taps.most; ++weight) {
      *weight = (*weight + kStep / 2) & ~(kStep - 1);
      missing -= *weight;
    }
    *std::max_element(run, run + taps.most) += missing;
  }
  taps.coarse = true;
}

void split_weights(Taps& taps) {
  const auto upper = [](std::int32_t weight) { return static_cast<std::int16_t>(weight >> kLowBits); };
  const auto lower = [](std::int32_t weight) { return static_cast<std::int16_t>(weight & ((1 << kLowBits) - 1)); };
  taps.split.resize(taps.weights.size() * 2);
  std::int16_t* out = taps.split.data();
  for (std::size_t i = 0; i < taps.weights.size(); i += 2, out += 4) {
    const std::int32_t a = taps.weights[i], b = taps.weights[i + 1];
    out[0] = upper(a), out[1] = upper(b), out[2] = lower(a), out[3] = lower(b);
  }
}

}  // namespace

const std::vector<std::string>& interpolation_names() {
  static const std::vector<std::string> names = {"nearest", "bilinear", "bicubic"};
  return names;
}

Interpolation interpolation_of(const std::string& name) {
  const auto& names = interpolation_names();
  const auto found = std::find(names.begin(), names.end(), name);
  MLRUN_ASSERT(found != names.end(), "unknown interpolation " + name);
  return static_cast<Interpolation>(found - names.begin());
}

Axis full_axis(std::int64_t from, std::int64_t to) { return {0, static_cast<double>(from), 0, from, to, 0, to}; }

Taps make_taps(const Axis& axis, Interpolation interpolation, WeightSteps steps) {
  MLRUN_ASSERT(axis.count > 0 && axis.begin >= 0 && axis.begin + axis.count <= axis.to && axis.first < axis.end,
               "an axis without pixels");
  const auto length = axis.end - axis.first;
  const bool same = length == axis.to && axis.length == static_cast<double>(length);
  Taps taps = same                                      ? copying_taps(axis)
              : interpolation == Interpolation::Nearest ? nearest_taps(axis)
                                                        : kernel_taps(axis, interpolation == Interpolation::Bicubic);
  if (steps == WeightSteps::Coarse) coarsen_weights(taps);
  split_weights(taps);
  return taps;
}

}  // namespace mlrun::data
