#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "config/layering.h"
#include "config/sweep_grid.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

constexpr double kLargestExact = 9007199254740992.0;  // 2^53: all integers up to it are doubles

UserError axis_error(const std::string& key, std::string message, std::string hint = "") {
  return UserError(Problem{kCommandLine, 0, 0, key, std::move(message), std::move(hint)});
}

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t\n");
  return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(" \t\n") - begin + 1);
}

/// Follows YAML flow syntax as far as telling where a value ends needs it.
class ValueSplitter {
 public:
  std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> values(1);
    for (std::size_t i = 0; i < text.size(); ++i) {
      const bool escape = quote_ == '"' && text[i] == '\\';
      const bool doubled = quote_ == '\'' && text.compare(i, 2, "''") == 0;
      if ((escape || doubled) && i + 1 < text.size()) {
        values.back() += text[i++];
      } else if (text[i] == ',' && depth_ == 0 && quote_ == 0) {
        values.emplace_back();
        token_begins_ = true;
        continue;
      } else {
        follow(text[i]);
      }
      values.back() += text[i];
    }
    for (auto& value : values) value = trimmed(value);
    return values;
  }

 private:
  /// In a bare word brackets and quotes are letters like others.
  void follow(char c) {
    if (quote_ != 0) {
      if (c == quote_) quote_ = 0;
      return;
    }
    const bool structure = depth_ > 0 || token_begins_;
    const bool opens = structure && (c == '[' || c == '{');
    if (token_begins_ && (c == '"' || c == '\'')) quote_ = c;
    else if (opens) ++depth_;
    else if (depth_ > 0 && (c == ']' || c == '}')) --depth_;
    const bool blank = c == ' ' || c == '\t' || c == '\n';
    token_begins_ = opens || (depth_ > 0 && (c == ',' || c == ':')) || (blank && token_begins_);
  }

  int depth_ = 0;
  char quote_ = 0;
  bool token_begins_ = true;
};

bool is_integer(const std::string& text) {
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && rest == end;
}

/// `1..5` cut at its two points, however many points the numbers have; empty where it is no range.
std::vector<std::string> range_parts(const std::string& text) {
  for (auto at = text.find(".."); at != std::string::npos; at = text.find("..", at + 1)) {
    const std::string low = text.substr(0, at);
    std::string high = text.substr(at + 2), step;
    if (const auto second = high.find(".."); second != std::string::npos) {
      step = high.substr(second + 2);
      high.resize(second);
      if (step.empty()) continue;
    }
    if (!looks_like_number(low) || !looks_like_number(high)) continue;
    if (step.empty()) return {low, high};
    if (looks_like_number(step)) return {low, high, step};
  }
  return {};
}

SweepRange checked_range(const std::string& key, const std::string& text, const std::vector<std::string>& parts) {
  SweepRange range;
  range.low = std::strtod(parts[0].c_str(), nullptr);
  range.high = std::strtod(parts[1].c_str(), nullptr);
  range.integers = is_integer(parts[0]) && is_integer(parts[1]);
  if (range.low > range.high) throw axis_error(key, "the range " + text + " ends before it begins");
  if (std::max(std::abs(range.low), std::abs(range.high)) > kLargestExact) {
    throw axis_error(key, "the range " + text + " goes beyond 2^53", "choose smaller numbers");
  }
  if (parts.size() < 3) return range;
  if (!range.integers || !is_integer(parts[2]) || std::strtod(parts[2].c_str(), nullptr) < 1) {
    throw axis_error(key, "a range with a step is made of integers, and the step is at least 1, unlike " + text,
                     "list the values: " + key + "=0.1,0.2,0.3");
  }
  range.step = std::strtoll(parts[2].c_str(), nullptr, 10);
  return range;
}

/// The range that `value` stands for; nothing where it is a plain value.
std::optional<SweepRange> range_of(const std::string& key, const std::string& value) {
  const bool logarithmic = value.rfind("log(", 0) == 0 && value.back() == ')';
  const auto parts = range_parts(logarithmic ? value.substr(4, value.size() - 5) : value);
  const bool numeric = !value.empty() && value.find_first_not_of("0123456789.+-eE") == std::string::npos;
  if (parts.empty()) {
    if (!logarithmic && !(numeric && value.find("..") != std::string::npos)) return std::nullopt;
    throw axis_error(key, "'" + value + "' is no range", "write 1..5, 0.1..0.5 or log(1e-4..1e-1)");
  }
  SweepRange range = checked_range(key, value, parts);
  range.logarithmic = logarithmic;
  if (logarithmic && parts.size() == 3) throw axis_error(key, value + ": a logarithmic range has no step");
  if (logarithmic && range.low <= 0) throw axis_error(key, value + ": a logarithmic range begins above 0");
  return range;
}

void add_value(SweepAxis& axis, const std::string& value) {
  try {
    parse_override_value(value);
  } catch (const UserError& error) {
    throw axis_error(axis.key, error.problems().front().message, error.problems().front().hint);
  }
  if (std::find(axis.values.begin(), axis.values.end(), value) != axis.values.end()) {
    throw axis_error(axis.key, "the value " + value + " stands twice", "remove one of them");
  }
  axis.values.push_back(value);
  if (axis.values.size() > static_cast<std::size_t>(kMostCombinations)) {
    throw axis_error(axis.key, "more than " + std::to_string(kMostCombinations) + " values", "choose fewer");
  }
}

/// A range among other values is written out.
void add_range(SweepAxis& axis, const SweepRange& range, const std::string& text) {
  if (!range.integers || range.logarithmic) {
    throw axis_error(axis.key, "the range " + text + " stands among other values", "give the range alone, or values");
  }
  const auto last = static_cast<std::int64_t>(range.high);
  for (auto value = static_cast<std::int64_t>(range.low);; value += range.step) {
    add_value(axis, std::to_string(value));
    if (last - value < range.step) return;
  }
}

}  // namespace

SweepAxis parse_sweep_axis(const std::string& text) {
  const Override whole = parse_override(text);
  SweepAxis axis;
  axis.key = whole.key;
  axis.text = whole.value;
  const auto values = ValueSplitter().split(whole.value);
  for (const auto& value : values) {
    if (value.empty() && values.size() > 1) {
      throw axis_error(axis.key, "nothing stands between two commas", "write null where no value is meant");
    }
    const auto range = range_of(axis.key, value);
    if (range && values.size() == 1) axis.range = range;
    else if (range) add_range(axis, *range, value);
    else add_value(axis, value);
  }
  return axis;
}

}  // namespace mlrun::config
