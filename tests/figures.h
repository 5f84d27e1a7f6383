#pragma once

#include <ostream>

#include "report/figure.h"

/// For failing checks of figures.
namespace mlrun::report {

inline std::ostream& operator<<(std::ostream& out, const Figure& figure) {
  return out << figure.name << " " << figure.value << " (" << (figure.better == Better::Lower ? "lower" : "higher")
             << " is better, " << figure.digits << " digits) " << figure.unit;
}

}  // namespace mlrun::report
