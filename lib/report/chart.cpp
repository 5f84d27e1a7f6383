#include "report/chart.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "report/format.h"
#include "report/markup.h"

namespace mlrun::report {
namespace {

constexpr std::array<const char*, kColours> kPalette = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                                        "#e69f00", "#56b4e9", "#8c6bb1"};
constexpr std::array<const char*, 3> kDashes = {"", "6 4", "2 4"};
constexpr std::size_t kMostMarks = 60;  // points of a series that are marked one by one
constexpr double kLetter = 6.6;         // pixels of a letter, about
constexpr double kSample = 22;          // length of the line in the legend

struct Point {
  double x, y;
};

bool drawable(double x, double y, bool log) { return std::isfinite(x) && std::isfinite(y) && (!log || y > 0); }

std::string stroke(std::size_t index, bool dashed) {
  const std::size_t dash = (index / kColours + (dashed ? 1 : 0)) % kDashes.size();
  return attribute("stroke", kPalette[index % kColours]) +
         (dash == 0 ? "" : attribute("stroke-dasharray", kDashes[dash]));
}

/// The series cut at its gaps.
std::vector<std::vector<Point>> pieces(const Series& series, bool log) {
  std::vector<std::vector<Point>> list(1);
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (drawable(series.x[i], series.y[i], log)) list.back().push_back({series.x[i], series.y[i]});
    else if (!list.back().empty()) list.emplace_back();
  }
  if (list.back().empty()) list.pop_back();
  return list;
}

/// First, least, most and last of the points that fall on the same column of pixels: what the eye
/// would see of all of them.
std::vector<Point> thinned(const std::vector<Point>& points, const Frame& frame) {
  std::vector<Point> kept;
  for (std::size_t begin = 0, end = 0; begin < points.size(); begin = end) {
    const double column = std::floor(frame.px(points[begin].x));
    std::size_t least = begin, most = begin;
    for (end = begin; end < points.size() && std::floor(frame.px(points[end].x)) == column; ++end) {
      if (points[end].y < points[least].y) least = end;
      if (points[end].y > points[most].y) most = end;
    }
    std::array<std::size_t, 4> chosen = {begin, std::min(least, most), std::max(least, most), end - 1};
    const auto last = std::unique(chosen.begin(), chosen.end());
    for (auto at = chosen.begin(); at != last; ++at) kept.push_back(points[*at]);
  }
  return kept;
}

std::string mark(const Frame& frame, const Point& point, const std::string& name, std::size_t index) {
  const std::string what = (name.empty() ? "" : name + ": ") + significant(point.y, 6) + " at " + shortest(point.x);
  return "<circle" + attribute("cx", pixel(frame.px(point.x))) + attribute("cy", pixel(frame.py(point.y))) +
         " r=\"2.6\"" + attribute("fill", kPalette[index % kColours]) + "><title>" + escaped_markup(what) +
         "</title></circle>";
}

std::string draw(const Frame& frame, const Series& series, std::size_t index, bool log) {
  std::string out = "<g" + attribute("data-series", series.name) + ">";
  const auto all = pieces(series, log);
  std::size_t count = 0;
  for (const auto& points : all) count += points.size();
  const bool many = count > 4 * static_cast<std::size_t>(frame.width);
  for (const auto& points : all) {
    std::string list;
    for (const Point& point : many ? thinned(points, frame) : points) {
      list += (list.empty() ? "" : " ") + pixel(frame.px(point.x)) + "," + pixel(frame.py(point.y));
    }
    if (points.size() > 1) out += "<polyline" + stroke(index, series.dashed) + attribute("points", list) + "/>";
  }
  for (const auto& points : all) {
    if (count > kMostMarks && points.size() > 1) continue;
    for (const Point& point : points) out += mark(frame, point, series.name, index);
  }
  return out + "</g>";
}

/// Upright lines at places, each with its name where the line ends above.
std::string drawn_places(const Frame& frame, const std::vector<NamedPlace>& places) {
  std::string out;
  for (const NamedPlace& place : places) {
    const double at = frame.x.at(place.x);
    if (!(at >= 0 && at <= 1)) continue;
    const double x = frame.px(place.x);
    const bool left = at > 0.5;  // of the line, where there is more room
    out += "<g" + attribute("data-place", place.name) + " stroke-dasharray=\"2 3\">" +
           svg_line("axis", x, frame.top, x, frame.bottom()) + "</g>" +
           svg_text(x + (left ? -4 : 4), frame.top + 10, left ? "end" : "start", place.name);
  }
  return out;
}

/// The legend's rows of series, as wide as the chart allows.
std::vector<std::vector<std::size_t>> legend_rows(const LineChart& chart, double width) {
  std::vector<std::vector<std::size_t>> rows;
  if (chart.series.size() < 2 && (chart.series.empty() || chart.series[0].name.empty())) return rows;
  double used = width;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    const double need = kSample + 22 + kLetter * static_cast<double>(display_width(chart.series[i].name));
    if (rows.empty() || used + need > width) {
      rows.emplace_back();
      used = 0;
    }
    rows.back().push_back(i);
    used += need;
  }
  return rows;
}

std::string legend(const LineChart& chart, const std::vector<std::vector<std::size_t>>& rows, double left) {
  std::string out;
  double y = 36;
  for (const auto& row : rows) {
    double x = left;
    for (const std::size_t i : row) {
      out += "<line" + stroke(i, chart.series[i].dashed) + " stroke-width=\"2.4\"" + attribute("x1", pixel(x)) +
             attribute("x2", pixel(x + kSample)) + attribute("y1", pixel(y)) + attribute("y2", pixel(y)) + "/>";
      out += svg_text(x + kSample + 6, y + 4, "start", chart.series[i].name, "name");
      x += kSample + 22 + kLetter * static_cast<double>(display_width(chart.series[i].name));
    }
    y += 18;
  }
  return out;
}

/// What a reader who does not see the lines is told of them.
std::string described(const LineChart& chart) {
  std::string text = chart.y_label + " by " + chart.x_label;
  for (const auto& place : chart.places) text += "; " + place.name + " at " + shortest(place.x);
  for (const auto& series : chart.series) {
    const auto all = pieces(series, chart.log_y);
    text += "; " + (series.name.empty() ? chart.y_label : series.name) + ": ";
    if (all.empty()) {
      text += "no values";
      continue;
    }
    text += "from " + significant(all.front().front().y, 6) + " to " + significant(all.back().back().y, 6);
  }
  return text;
}

}  // namespace

std::string svg(const LineChart& chart, Size size) {
  std::vector<double> xs, ys;
  for (const auto& series : chart.series) {
    MLRUN_ASSERT(series.x.size() == series.y.size(), "series " + series.name + " has not as many x as y");
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (!drawable(series.x[i], series.y[i], chart.log_y)) continue;
      xs.push_back(series.x[i]);
      ys.push_back(series.y[i]);
    }
  }
  const double left = 72, right = 16, below = 44;
  const auto rows = legend_rows(chart, size.width - left - right);
  if (rows.size() > 1) size.height += 18 * static_cast<int>(rows.size() - 1);  // the plot keeps its height
  Frame frame;
  frame.left = left;
  frame.top = 34 + 18.0 * static_cast<double>(rows.size());
  frame.width = std::max(size.width - left - right, 1.0);
  frame.height = std::max(size.height - frame.top - below, 1.0);
  if (xs.empty()) {
    const std::string none = svg_text(size.width / 2.0, size.height / 2.0, "middle", "no data");
    return svg_document(size, chart.title, "no data", none);
  }
  frame.x = scale_for(xs, false);
  frame.x.whole = std::all_of(xs.begin(), xs.end(), [](double x) { return x == std::trunc(x); });
  frame.y = scale_for(ys, chart.log_y);
  std::string body = axes(frame, chart.x_label, chart.y_label) + legend(chart, rows, left);
  body += drawn_places(frame, chart.places);
  for (std::size_t i = 0; i < chart.series.size(); ++i) body += draw(frame, chart.series[i], i, chart.log_y);
  return svg_document(size, chart.title, described(chart), body);
}

}  // namespace mlrun::report
