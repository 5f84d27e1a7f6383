#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "base/json.h"

namespace mlrun::report {

enum class Better { Higher, Lower };

/// A named number that says itself how it is to be read.
struct Figure {
  std::string name;  ///< `acc1`, or under prefixes `val/ema_acc1`
  double value = 0;
  Better better = Better::Higher;
  int digits = 2;         ///< shown after the point
  std::string unit = {};  ///< `%`, `dB`; empty where it has none

  bool operator==(const Figure&) const = default;
};

/// In the order in which tables show them.
using Figures = std::vector<Figure>;

/// True where `value` is better than `than` by more than `margin`. Whatever can be measured is better than NaN.
inline bool is_better(Better better, double value, double than, double margin = 0) {
  if (std::isnan(value) || std::isnan(than)) return std::isnan(than) && !std::isnan(value);
  return better == Better::Lower ? value < than - margin : value > than + margin;
}

/// How much worse `figure` is than `before`, in its unit; below 0 where it is better.
inline double loss_of(const Figure& figure, double before) {
  return figure.better == Better::Lower ? figure.value - before : before - figure.value;
}

/// The figure `name`; null where there is none.
const Figure* find(const Figures& figures, const std::string& name);
/// The same under names that begin with `prefix`.
Figures prefixed(const std::string& prefix, Figures figures);
void append(Figures& to, Figures more);

/// The value with the figure's digits.
std::string value_text(const Figure& figure);
/// `{name: value}`.
Json values_json(const Figures& figures);

}  // namespace mlrun::report
