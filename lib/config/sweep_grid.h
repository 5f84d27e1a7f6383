#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config/layers.h"

/// Many trainings from one recipe: which keys take which values, and how they are combined.
namespace mlrun::config {

/// Numbers from `low` to `high`, both included.
struct SweepRange {
  double low = 0, high = 0;
  bool logarithmic = false;  ///< draws are uniform in the logarithm
  bool integers = false;     ///< both bounds are written as integers
  std::int64_t step = 1;     ///< between integers
};

/// One key of a sweep with the values that it takes.
struct SweepAxis {
  std::string key;
  std::string text;                 ///< its values as written
  std::vector<std::string> values;  ///< each as an Override takes it; empty where `range` says them
  std::optional<SweepRange> range;

  /// One value: nothing to choose from.
  bool fixed() const { return !range && values.size() == 1; }
};

/// Reads `key=v1,v2`: values that `--set` takes, between commas that stand outside of quotes, lists
/// and maps. `a..b` and `a..b..step` stand for integers; `a..b` with a point or exponent, or
/// `log(a..b)`, for a range to draw from. UserError at the key.
SweepAxis parse_sweep_axis(const std::string& text);

/// One value for each axis, in their order.
using Combination = std::vector<Override>;

constexpr std::int64_t kMostCombinations = 10000;

/// All combinations; the last axis moves fastest. UserError for ranges of real numbers, and for more
/// than kMostCombinations.
std::vector<Combination> sweep_grid(const std::vector<SweepAxis>& axes);

/// `count` different combinations. Each value depends on the seed, its key and the draw alone: a larger
/// count adds combinations to those of a smaller one. Real numbers are rounded to 4 significant
/// digits. UserError where there are not that many.
std::vector<Combination> sweep_random(const std::vector<SweepAxis>& axes, std::int64_t count, std::uint64_t seed);

/// Names for folders: the number from 0, then each key in short with its value, as
/// `0003-lr=0.01-seed=1`.
std::vector<std::string> sweep_names(const std::vector<Combination>& combinations);

}  // namespace mlrun::config
