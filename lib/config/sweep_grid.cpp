#include "config/sweep_grid.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <set>

#include "base/random.h"
#include "config/layering.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

constexpr std::uint64_t kNoLimit = UINT64_MAX;

/// Integers in the range.
std::uint64_t count_of(const SweepRange& range) {
  return static_cast<std::uint64_t>((range.high - range.low) / static_cast<double>(range.step)) + 1;
}

/// Values of an axis; kNoLimit for real numbers.
std::uint64_t size_of(const SweepAxis& axis) {
  if (!axis.range) return axis.values.size();
  return axis.range->integers ? count_of(*axis.range) : kNoLimit;
}

/// Combinations of all values, kNoLimit where they cannot be counted.
std::uint64_t combinations_of(const std::vector<SweepAxis>& axes) {
  std::uint64_t product = 1;
  for (const auto& axis : axes) {
    const std::uint64_t size = size_of(axis);
    if (size == 0 || product > kNoLimit / size) return kNoLimit;
    product *= size;
  }
  return product;
}

std::string value_at(const SweepAxis& axis, std::uint64_t index) {
  if (!axis.range) return axis.values[index];
  return std::to_string(static_cast<std::int64_t>(axis.range->low) +
                        static_cast<std::int64_t>(index) * axis.range->step);
}

void check_listable(const SweepAxis& axis) {
  if (!axis.range || (axis.range->integers && !axis.range->logarithmic)) return;
  const bool logarithmic = axis.range->logarithmic;
  throw UserError(Problem{kCommandLine, 0, 0, axis.key,
                          axis.text + " is a range to draw from, and a grid needs single values",
                          std::string("draw with --random N, or list the values") +
                              (logarithmic ? "" : "; a range of integers is written without points")});
}

/// Four digits are enough for people, and keep names short.
std::string rounded(double value, const SweepRange& range) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return number_text(std::clamp(std::strtod(text, nullptr), range.low, range.high));
}

std::string draw(const SweepRange& range, KeyedRandom& random) {
  if (range.integers && !range.logarithmic) {
    return std::to_string(static_cast<std::int64_t>(range.low) +
                          static_cast<std::int64_t>(random.below(count_of(range))) * range.step);
  }
  // Each integer stands for what is rounded to it.
  const double margin = range.integers ? 0.5 : 0;
  if (!range.logarithmic) return rounded(random.uniform(range.low, range.high), range);
  const double value = std::exp(random.uniform(std::log(range.low - margin), std::log(range.high + margin)));
  if (!range.integers) return rounded(value, range);
  return std::to_string(static_cast<std::int64_t>(std::clamp(std::round(value), range.low, range.high)));
}

Combination draw_all(const std::vector<SweepAxis>& axes, std::uint64_t seed, std::uint64_t number) {
  Combination combination;
  for (const auto& axis : axes) {
    KeyedRandom random(seed, "sweep", number, stable_hash(axis.key));
    combination.push_back(
        {axis.key, axis.range ? draw(*axis.range, random) : axis.values[random.below(size_of(axis))]});
  }
  return combination;
}

std::string text_of(const Combination& combination) {
  std::string text;
  for (const auto& set : combination) text += set.key + "=" + set.value + "\n";
  return text;
}

}  // namespace

std::vector<Combination> sweep_grid(const std::vector<SweepAxis>& axes) {
  for (const auto& axis : axes) check_listable(axis);
  const std::uint64_t total = combinations_of(axes);
  if (total > static_cast<std::uint64_t>(kMostCombinations)) {
    throw UserError("a grid of more than " + std::to_string(kMostCombinations) + " combinations",
                    "give fewer values, or draw some with --random N");
  }
  std::vector<Combination> combinations(total);
  for (std::uint64_t number = 0; number < total; ++number) {
    std::uint64_t rest = total, index = number;
    for (const auto& axis : axes) {
      rest /= size_of(axis);
      combinations[number].push_back({axis.key, value_at(axis, index / rest)});
      index %= rest;
    }
  }
  return combinations;
}

std::vector<Combination> sweep_random(const std::vector<SweepAxis>& axes, std::int64_t count, std::uint64_t seed) {
  const auto wanted = static_cast<std::size_t>(count);
  const std::uint64_t there = combinations_of(axes);
  if (there < wanted) {
    throw UserError("--random " + std::to_string(count) + ": there are only " + std::to_string(there) + " combinations",
                    "ask for fewer, or leave --random out to train them all");
  }
  constexpr std::uint64_t kTries = 200;  // for each: enough to meet every one of a few, or real numbers anew
  std::vector<Combination> combinations;
  std::set<std::string> known;
  for (std::uint64_t number = 0; combinations.size() < wanted && number < kTries * (wanted + 10); ++number) {
    Combination combination = draw_all(axes, seed, number);
    if (known.insert(text_of(combination)).second) combinations.push_back(std::move(combination));
  }
  if (combinations.size() < wanted) {
    throw UserError("--random " + std::to_string(count) + ": the ranges give hardly that many different combinations",
                    "ask for fewer, or widen the ranges");
  }
  return combinations;
}

}  // namespace mlrun::config
