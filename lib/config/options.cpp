#include "config/options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "config/words.h"

namespace mlrun::config {
namespace {

std::optional<Span::Unit> span_unit(std::string_view word) {
  if (word == "step" || word == "steps") return Span::Unit::Steps;
  if (word == "epoch" || word == "epochs") return Span::Unit::Epochs;
  if (word == "%") return Span::Unit::Percent;
  if (word == "s" || word == "min" || word == "h") return Span::Unit::Seconds;
  return std::nullopt;
}

double seconds_of(std::string_view word) { return word == "h" ? 3600 : word == "min" ? 60 : 1; }

}  // namespace

std::string Span::text() const {
  const std::string number = number_text(value);
  switch (unit) {
    case Unit::Steps: return number + (value == 1 ? " step" : " steps");
    case Unit::Epochs: return number + (value == 1 ? " epoch" : " epochs");
    case Unit::Percent: return number + " %";
    case Unit::Seconds: break;
  }
  return number + " s";
}

bool looks_like_name(const std::string& text) {
  const auto is_word = [](std::string_view word, bool capitals) {
    if (word.empty() || !std::isalpha(static_cast<unsigned char>(word.front()))) return false;
    return std::all_of(word.begin(), word.end(), [&](char c) {
      const bool letter = capitals ? c >= 'A' && c <= 'Z' : std::isalpha(static_cast<unsigned char>(c)) != 0;
      return letter || (c >= '0' && c <= '9') || c == '_';
    });
  };
  const auto mark = text.find_first_of("/.");
  const std::string_view all = text;
  if (mark == std::string::npos) return is_word(all, true);
  return is_word(all.substr(0, mark), false) && is_word(all.substr(mark + 1), true);
}

std::optional<Span> parse_span(const std::string& text) {
  Span span;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, span.value);
  if (error != std::errc() || !std::isfinite(span.value) || span.value < 0) return std::nullopt;
  std::string_view word(rest, static_cast<std::size_t>(end - rest));
  while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
  const auto unit = span_unit(word);
  if (!unit || (*unit == Span::Unit::Percent && span.value > 100)) return std::nullopt;
  span.unit = *unit;
  if (*unit == Span::Unit::Seconds) span.value *= seconds_of(word);
  return span;
}

Span detail::Scalar<Span>::from(const Json& v) {
  const auto span = parse_span(v.get<std::string>());
  MLRUN_ASSERT(span.has_value(), "a span reached its field unparsed");
  return *span;
}

const Field* Spec::find(const std::string& name) const {
  for (const auto& field : fields) {
    if (field.name == name && !field.inlined) return &field;
  }
  return nullptr;
}

const Field* Spec::inlined() const {
  for (const auto& field : fields) {
    if (field.inlined) return &field;
  }
  return nullptr;
}

}  // namespace mlrun::config
