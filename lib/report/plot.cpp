#include "report/plot.h"

#include <algorithm>
#include <cmath>

#include "report/format.h"
#include "report/markup.h"

namespace mlrun::report {
namespace {

constexpr int kTickLength = 4;
constexpr double kXTickSpacing = 70, kYTickSpacing = 36;  // pixels

// Inherited colours would do inside a page; a file that stands alone needs a paper of its own.
constexpr const char* kStyle =
    ".mlrun-chart{--paper:#fff;--ink:#1f2328;--soft:#59636e;--grid:#d8dee4;background:var(--paper);"
    "font-family:system-ui,sans-serif;font-size:12px}.mlrun-chart .bar{fill:#0072b2}"
    "@media (prefers-color-scheme:dark){.mlrun-chart{--paper:#161b22;--ink:#e6edf3;--soft:#9198a1;--grid:#30363d}}"
    "@media (prefers-color-scheme:dark){.mlrun-chart [stroke=\"#0072b2\"]{stroke:#3d9fdc}"
    ".mlrun-chart [fill=\"#0072b2\"],.mlrun-chart .bar{fill:#3d9fdc}}"
    "@media print{.mlrun-chart{--paper:#fff;--ink:#000;--soft:#444;--grid:#ccc}}"
    ".mlrun-chart text{fill:var(--soft)}.mlrun-chart .title{fill:var(--ink);font-size:14px;font-weight:600}"
    ".mlrun-chart .name{fill:var(--ink)}"
    ".mlrun-chart .grid{stroke:var(--grid)}.mlrun-chart .axis{stroke:var(--soft)}"
    ".mlrun-chart .diagonal{stroke:var(--soft);stroke-dasharray:5 4}"
    ".mlrun-chart polyline{fill:none;stroke-width:1.8;stroke-linejoin:round;stroke-linecap:round}"
    ".mlrun-chart .gap{fill:#d55e00;fill-opacity:.45;stroke:#d55e00}"
    ".mlrun-chart .count{fill:var(--soft);fill-opacity:.6}";

/// The step of 1, 2 or 5 times a power of ten that cuts `range` into `most` parts at the most.
double round_step(double range, int most) {
  const double rough = range / std::max(1, most);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::string tick_label(double value, double step) {
  if (std::abs(value) < step * 1e-6) return "0";
  const double magnitude = std::abs(value);
  if (magnitude >= 1e6 || magnitude < 1e-4) return significant(value, 4);
  const int digits = static_cast<int>(std::ceil(-std::log10(step) - 1e-9));
  return fixed(value, std::max(0, digits));
}

std::vector<Tick> linear_ticks(const Scale& scale, int most) {
  const double least = scale.whole ? 1 : 0;
  const double step = std::max(round_step(scale.high - scale.low, std::max(most, 2)), least);
  std::vector<Tick> list;
  const double slack = step * 1e-6;
  for (double k = std::ceil((scale.low - slack) / step); k * step <= scale.high + slack; ++k) {
    list.push_back({k * step, tick_label(k * step, step)});
  }
  return list;
}

/// Powers of ten, every second or third one where there are many, with 2 and 5 between where few.
std::vector<Tick> log_ticks(const Scale& scale, int most) {
  const double first = std::floor(std::log10(scale.low)), last = std::ceil(std::log10(scale.high));
  const double decades = std::log10(scale.high / scale.low);
  const double every = std::max(1.0, std::ceil(decades / std::max(1, most)));
  const bool between = decades * 3 <= most + 1;
  std::vector<Tick> list;
  for (double power = first; power <= last; power += every) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10, power);
      if (factor > 1 && !between) break;
      if (value < scale.low * (1 - 1e-9) || value > scale.high * (1 + 1e-9)) continue;
      list.push_back({value, significant(value, 3)});
    }
  }
  return list;
}

std::string class_of(const std::string& css_class) { return css_class.empty() ? "" : attribute("class", css_class); }

}  // namespace

double Scale::at(double value) const {
  if (log) return std::log(value / low) / std::log(high / low);
  return (value - low) / (high - low);
}

Scale scale_for(const std::vector<double>& values, bool log) {
  if (values.empty()) return log ? Scale{1, 10, true} : Scale{};
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  Scale scale{*least, *most, log};
  if (log) {
    const double room = std::max(std::pow(scale.high / scale.low, 0.04), 1.02);
    return {scale.low / room, scale.high * room, true};
  }
  const double smallest = std::max(std::abs(scale.high), 1e-12) * 1e-9;  // below that, ticks would repeat
  const double range = scale.high - scale.low;
  const double room = range > smallest ? range * 0.04 : std::max(std::abs(scale.high) * 0.1, 0.5);
  return {scale.low - room, scale.high + room, false};
}

std::vector<Tick> ticks(const Scale& scale, int most) {
  if (!scale.log) return linear_ticks(scale, most);
  std::vector<Tick> list = log_ticks(scale, most);
  // Less than a decade may hold no or one such value; there a linear axis' values serve as well.
  return list.size() >= 2 ? list : linear_ticks(scale, most);
}

std::string pixel(double value) {
  std::string text = fixed(value, 1);
  if (text.size() > 2 && text.compare(text.size() - 2, 2, ".0") == 0) text.erase(text.size() - 2);
  return text == "-0" ? "0" : text;
}

std::string svg_line(const std::string& css_class, double x1, double y1, double x2, double y2) {
  return "<line" + class_of(css_class) + attribute("x1", pixel(x1)) + attribute("y1", pixel(y1)) +
         attribute("x2", pixel(x2)) + attribute("y2", pixel(y2)) + "/>";
}

std::string svg_rectangle(const std::string& css_class, double x, double y, double width, double height,
                          const std::string& tooltip) {
  const std::string open = "<rect" + class_of(css_class) + attribute("x", pixel(x)) + attribute("y", pixel(y)) +
                           attribute("width", pixel(width)) + attribute("height", pixel(height));
  return tooltip.empty() ? open + "/>" : open + "><title>" + escaped_markup(tooltip) + "</title></rect>";
}

std::string svg_text(double x, double y, const std::string& anchor, const std::string& text,
                     const std::string& css_class) {
  return "<text" + class_of(css_class) + attribute("x", pixel(x)) + attribute("y", pixel(y)) +
         (anchor == "start" ? "" : attribute("text-anchor", anchor)) + ">" + escaped_markup(text) + "</text>";
}

std::string grid(const Frame& frame, const std::string& y_label) {
  std::string out;
  for (const Tick& tick : ticks(frame.y, static_cast<int>(frame.height / kYTickSpacing))) {
    const double y = frame.py(tick.value);
    out += svg_line("grid", frame.left, y, frame.right(), y);
    out += svg_text(frame.left - 6, y + 4, "end", tick.label);
  }
  if (y_label.empty()) return out;
  return out + "<g transform=\"translate(13 " + pixel(frame.top + frame.height / 2) + ") rotate(-90)\">" +
         svg_text(0, 0, "middle", y_label) + "</g>";
}

std::string axes(const Frame& frame, const std::string& x_label, const std::string& y_label) {
  std::string out = grid(frame, y_label);
  for (const Tick& tick : ticks(frame.x, static_cast<int>(frame.width / kXTickSpacing))) {
    const double x = frame.px(tick.value);
    out += svg_line("axis", x, frame.bottom(), x, frame.bottom() + kTickLength);
    out += svg_text(x, frame.bottom() + 17, "middle", tick.label);
  }
  out += svg_line("axis", frame.left, frame.bottom(), frame.right(), frame.bottom());
  if (!x_label.empty()) out += svg_text(frame.left + frame.width / 2, frame.bottom() + 34, "middle", x_label);
  return out;
}

std::string svg_document(const Size& size, const std::string& title, const std::string& description,
                         const std::string& body) {
  const std::string width = std::to_string(size.width), height = std::to_string(size.height);
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"mlrun-chart\" role=\"img\" viewBox=\"0 0 " + width + " " +
         height + "\" width=\"" + width + "\" height=\"" + height + "\"" + attribute("aria-label", title) + "><title>" +
         escaped_markup(title) + "</title><desc>" + escaped_markup(description) + "</desc><style>" + kStyle +
         "</style>" + svg_text(size.width / 2.0, 20, "middle", title, "title") + body + "</svg>\n";
}

}  // namespace mlrun::report
