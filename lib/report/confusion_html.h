#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "report/confusion.h"

namespace mlrun::report {

/// The matrix as an HTML table whose cells are coloured by their share of the true class: blue on the
/// diagonal, red beside it.
std::string confusion_heat_map(const Confusion& confusion);

/// Samples of one class that were taken for another.
struct ConfusedPair {
  std::size_t truth = 0, predicted = 0;  ///< classes
  std::int64_t count = 0;
  double share = 0;  ///< of the true class's samples
};

/// At most `most` pairs, the most frequent first; of equals those of lower classes.
std::vector<ConfusedPair> confused_pairs(const Confusion& confusion, std::size_t most);

}  // namespace mlrun::report
