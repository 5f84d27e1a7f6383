#pragma once

#include <string>
#include <vector>

/// What all charts share: scales, ticks, and the SVG around a plot. See report/chart.h for charts.
namespace mlrun::report {

/// Width and height of a chart in pixels; as an SVG it scales with its place.
struct Size {
  int width = 640;
  int height = 320;
};

/// Places values between `low` and `high` from 0 to 1, on a linear or a logarithmic axis.
struct Scale {
  double low = 0, high = 1;
  bool log = false;
  bool whole = false;  ///< ticks at whole numbers alone

  double at(double value) const;
};

/// A value to be marked on an axis and its text.
struct Tick {
  double value = 0;
  std::string label;
};

/// A linear or logarithmic scale that holds all `values` (finite; positive where `log`), with a little
/// room. Without values, and where all are the same, it is a range around them.
Scale scale_for(const std::vector<double>& values, bool log);

/// At most about `most` ticks within the scale at round values: 1, 2 or 5 times a power of ten.
std::vector<Tick> ticks(const Scale& scale, int most);

/// The rectangle in which values are drawn, and its scales.
struct Frame {
  double left = 0, top = 0, width = 0, height = 0;
  Scale x, y;

  double right() const { return left + width; }
  double bottom() const { return top + height; }
  double px(double value) const { return left + width * x.at(value); }
  double py(double value) const { return top + height * (1 - y.at(value)); }
};

/// A coordinate with at most one digit after the point.
std::string pixel(double value);

/// `<line>` of a CSS class.
std::string svg_line(const std::string& css_class, double x1, double y1, double x2, double y2);
/// `<rect>` of a CSS class; `tooltip` (not empty) is shown where the pointer rests on it.
std::string svg_rectangle(const std::string& css_class, double x, double y, double width, double height,
                          const std::string& tooltip = "");
/// `<text>`, escaped; `anchor` is start, middle or end.
std::string svg_text(double x, double y, const std::string& anchor, const std::string& text,
                     const std::string& css_class = "");

/// The y axis: its grid lines, ticks and name.
std::string grid(const Frame& frame, const std::string& y_label);
/// Both axes.
std::string axes(const Frame& frame, const std::string& x_label, const std::string& y_label);

/// The whole `<svg>`: style for light and dark, `title` drawn on top and told to screen readers with
/// `description`.
std::string svg_document(const Size& size, const std::string& title, const std::string& description,
                         const std::string& body);

/// How many colours series have before they repeat with another dash: those of Okabe and Ito, which
/// colour-blind readers tell apart.
constexpr std::size_t kColours = 7;

}  // namespace mlrun::report
