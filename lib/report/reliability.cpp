#include "report/reliability.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "report/format.h"

namespace mlrun::report {
namespace {

constexpr double kLeft = 72, kRight = 16, kTop = 62, kBelow = 44;
constexpr double kCounts = 64;  // height of the lower plot
constexpr double kBetween = 16;

double number_or_zero(const Json& value) { return value.is_number() ? value.get<double>() : 0; }

std::string range_text(const ReliabilityBin& bin) {
  return "confidence " + fixed(bin.low, 1) + " to " + fixed(bin.high, 1) + " %";
}

std::string accuracy_bars(const Frame& frame, const std::vector<ReliabilityBin>& bins) {
  std::string out;
  for (const auto& bin : bins) {
    if (bin.samples == 0) continue;
    const double left = frame.px(bin.low) + 0.5, width = frame.px(bin.high) - frame.px(bin.low) - 1;
    const double accuracy = frame.py(bin.accuracy), confidence = frame.py(bin.confidence);
    const std::string what = range_text(bin) + ": mean confidence " + fixed(bin.confidence, 2) + " %, accuracy " +
                             fixed(bin.accuracy, 2) + " %, " + grouped(bin.samples) + " samples";
    out += svg_rectangle("bar", left, accuracy, width, frame.bottom() - accuracy, what);
    out += svg_rectangle("gap", left, std::min(accuracy, confidence), width, std::abs(accuracy - confidence), what);
  }
  return out + svg_line("diagonal", frame.px(0), frame.py(0), frame.px(100), frame.py(100));
}

std::string count_bars(const Frame& frame, const std::vector<ReliabilityBin>& bins) {
  std::string out;
  for (const auto& bin : bins) {
    if (bin.samples == 0) continue;
    const double top = frame.py(static_cast<double>(bin.samples));
    out += svg_rectangle("count", frame.px(bin.low) + 0.5, top, frame.px(bin.high) - frame.px(bin.low) - 1,
                         frame.bottom() - top, range_text(bin) + ": " + grouped(bin.samples) + " samples");
  }
  return out;
}

std::string bar_legend() {
  return svg_rectangle("bar", kLeft, 34, 12, 12) + svg_text(kLeft + 18, 44, "start", "accuracy", "name") +
         svg_rectangle("gap", kLeft + 90, 34, 12, 12) +
         svg_text(kLeft + 108, 44, "start", "gap to mean confidence", "name");
}

}  // namespace

std::vector<ReliabilityBin> read_reliability(const Json& details) {
  std::vector<ReliabilityBin> bins;
  for (const Json& bin : details) {
    bins.push_back({bin.at("low").get<double>() * 100, bin.at("high").get<double>() * 100,
                    bin.at("samples").get<std::int64_t>(), number_or_zero(bin.at("confidence")),
                    number_or_zero(bin.at("acc1"))});
  }
  return bins;
}

double calibration_error(const std::vector<ReliabilityBin>& bins) {
  double sum = 0, samples = 0;
  for (const auto& bin : bins) {
    if (bin.samples == 0) continue;
    sum += static_cast<double>(bin.samples) * std::abs(bin.accuracy - bin.confidence);
    samples += static_cast<double>(bin.samples);
  }
  return samples == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / samples;
}

std::string reliability_svg(const std::string& title, const std::vector<ReliabilityBin>& bins, Size size) {
  const double error = calibration_error(bins);
  if (std::isnan(error)) {
    return svg_document(size, title, "no data", svg_text(size.width / 2.0, size.height / 2.0, "middle", "no data"));
  }
  double most = 0;
  for (const auto& bin : bins) most = std::max(most, static_cast<double>(bin.samples));
  const double width = std::max(size.width - kLeft - kRight, 1.0);
  const double height = std::max(size.height - kTop - kBetween - kCounts - kBelow, 1.0);
  const Frame upper{kLeft, kTop, width, height, {0, 100}, {0, 100}};
  const Frame lower{kLeft, kTop + height + kBetween, width, kCounts, {0, 100}, {0, most * 1.05}};
  const std::string figure = fixed(error, 2) + " %";
  std::string body = bar_legend() + grid(upper, "accuracy, %") + accuracy_bars(upper, bins);
  body += axes(lower, "confidence, %", "samples") + count_bars(lower, bins);
  body += svg_text(upper.right(), 44, "end", "ECE " + figure, "name");
  return svg_document(size, title, "expected calibration error " + figure, body);
}

}  // namespace mlrun::report
