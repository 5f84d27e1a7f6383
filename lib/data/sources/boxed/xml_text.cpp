#include "data/sources/boxed/xml_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace mlrun::data {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

}  // namespace

Lines::Lines(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') ends_.push_back(static_cast<std::ptrdiff_t>(i));
  }
}

int Lines::of(std::ptrdiff_t place) const {
  return static_cast<int>(std::lower_bound(ends_.begin(), ends_.end(), place) - ends_.begin()) + 1;
}

std::optional<double> number_of(std::string_view text) {
  text = without_blanks(text);
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return whole && std::isfinite(value) ? std::optional(value) : std::nullopt;
}

std::string number_text(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%g", value);
  return text;
}

std::string trimmed_text(std::string_view text) { return std::string(without_blanks(text)); }

}  // namespace mlrun::data
