#pragma once

#include <string>
#include <vector>

#include "report/plot.h"

/// Charts as SVG text: to be written to a file or put into an HTML page as they are. They follow the
/// reader's light or dark scheme, and name their content for screen readers.
namespace mlrun::report {

/// A line: points in the order given. A value that is not finite is a gap (so is y <= 0 where the
/// axis is logarithmic).
struct Series {
  std::string name;  ///< for the legend
  std::vector<double> x, y;
  bool dashed = false;
};

/// A place on the x axis that has a name: the best epoch.
struct NamedPlace {
  double x = 0;
  std::string name;
};

struct LineChart {
  std::string title, x_label, y_label;
  bool log_y = false;
  std::vector<Series> series;
  std::vector<NamedPlace> places = {};  ///< upright lines; those outside the values are left out
};

/// The chart with ticks, a legend (of more than one series, or a named one), and marks with their
/// values where the points are few. Where nothing can be drawn, it says `no data`. InternalError where
/// a series has not as many x as y.
std::string svg(const LineChart& chart, Size size = {});

}  // namespace mlrun::report
