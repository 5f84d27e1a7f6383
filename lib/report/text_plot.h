#pragma once

#include <string>
#include <vector>

namespace mlrun::report {

/// One line over an axis that runs from `x_begin` to `x_end`: values at equal distances along it.
struct TextPlot {
  std::string x_label, y_label;
  double x_begin = 0, x_end = 1;
  std::vector<double> values;
};

/// The line drawn with characters, for terminals, at most `width` columns wide and with `height` rows
/// of values from 0 (or the least, where that is lower) to the largest. A column covers all values
/// that fall into it; those that are not finite are left out. `no data` where there are none.
std::string text_plot(const TextPlot& plot, int width = 80, int height = 16);

}  // namespace mlrun::report
