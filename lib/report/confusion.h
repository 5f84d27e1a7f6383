#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"

namespace mlrun::report {

/// Counts by true class (rows) and predicted class (columns).
struct Confusion {
  std::vector<std::string> classes;
  std::vector<std::vector<std::int64_t>> counts;  ///< classes.size() rows of classes.size() counts
  std::string unit = "samples";                   ///< what is counted
};

/// From an object with `classes` and `matrix`, as the metric `confusion` gives it.
Confusion read_confusion(const Json& details);

/// An aligned table for people: classes by name in the rows, by number in the columns, zeros as
/// dots, and for each class its number of samples and the share that was right.
std::string confusion_text(const Confusion& confusion);

/// A header `true,<class>,...` and one row for each true class.
std::string confusion_csv(const Confusion& confusion);

}  // namespace mlrun::report
