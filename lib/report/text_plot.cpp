#include "report/text_plot.h"

#include <algorithm>
#include <cmath>

#include "report/format.h"
#include "report/plot.h"

namespace mlrun::report {
namespace {

std::string without_trailing_spaces(std::string line) {
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line + "\n";
}

/// The rows of the drawing, from the top, without axes.
std::vector<std::string> drawn(const std::vector<double>& values, const Scale& y, int columns, int height) {
  std::vector<std::string> rows(static_cast<std::size_t>(height), std::string(static_cast<std::size_t>(columns), ' '));
  const auto count = static_cast<double>(values.size());
  for (int column = 0; column < columns; ++column) {
    const auto begin = static_cast<std::size_t>(count * column / columns);
    const auto end = std::max(begin + 1, static_cast<std::size_t>(count * (column + 1) / columns));
    int top = height, bottom = -1;
    for (std::size_t i = begin; i < std::min(end, values.size()); ++i) {
      if (!std::isfinite(values[i])) continue;
      const int row = static_cast<int>(std::lround((1 - y.at(values[i])) * (height - 1)));
      top = std::min(top, row);
      bottom = std::max(bottom, row);
    }
    for (int row = top; row <= bottom; ++row) {
      rows[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = '*';
    }
  }
  return rows;
}

/// The text of each row's tick; empty where it has none.
std::vector<std::string> row_labels(const Scale& y, int height) {
  std::vector<std::string> labels(static_cast<std::size_t>(height));
  for (const auto& tick : ticks(y, std::max(2, height / 3))) {
    labels[static_cast<std::size_t>(std::lround((1 - y.at(tick.value)) * (height - 1)))] = tick.label;
  }
  return labels;
}

/// The line with marks and the line with numbers below the drawing.
std::string x_axis(const TextPlot& plot, std::size_t margin, int columns) {
  const Scale x{plot.x_begin, plot.x_end};
  std::string axis(static_cast<std::size_t>(columns), '-');
  std::string numbers(margin + axis.size() + 1, ' ');
  std::size_t free = 0;
  for (const auto& tick : ticks(x, columns / 10)) {
    const auto at = static_cast<std::size_t>(std::lround(x.at(tick.value) * (columns - 1)));
    axis[at] = '+';
    const std::size_t center = margin + 1 + at, half = tick.label.size() / 2;
    const std::size_t first = std::min(center - std::min(center, half), numbers.size() - tick.label.size());
    if (first < free) continue;
    numbers.replace(first, tick.label.size(), tick.label);
    free = first + tick.label.size() + 1;
  }
  return without_trailing_spaces(std::string(margin, ' ') + '+' + axis) + without_trailing_spaces(numbers);
}

}  // namespace

std::string text_plot(const TextPlot& plot, int width, int height) {
  Scale y{0, 0};
  bool any = false;
  for (const double value : plot.values) {
    if (!std::isfinite(value)) continue;
    any = true;
    y.low = std::min(y.low, value);
    y.high = std::max(y.high, value);
  }
  if (!any) return "no data\n";
  if (y.high == y.low) y.high = y.low + 1;
  const auto labels = row_labels(y, height);
  std::size_t margin = 0;
  for (const auto& label : labels) margin = std::max(margin, label.size() + 1);
  const int columns = std::max(20, width - static_cast<int>(margin) - 1);
  const auto rows = drawn(plot.values, y, columns, height);
  std::string text = plot.y_label + "\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const std::string label(margin - 1 - labels[i].size(), ' ');
    text += without_trailing_spaces(label + labels[i] + (labels[i].empty() ? " |" : " +") + rows[i]);
  }
  const auto indent = margin + 1 + static_cast<std::size_t>(columns) / 2 - plot.x_label.size() / 2;
  return text + x_axis(plot, margin, columns) + std::string(indent, ' ') + plot.x_label + "\n";
}

}  // namespace mlrun::report
