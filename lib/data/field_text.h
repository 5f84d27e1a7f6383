#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

namespace mlrun::data {

/// Reads text fields, each ended by a zero byte, which no path can hold. Once it failed, what it gives is
/// meaningless.
class FieldReader {
 public:
  explicit FieldReader(std::string_view text) : text_(text) {}

  bool failed() const { return failed_; }
  bool finished() const { return text_.empty(); }

  std::string_view text() {
    const std::size_t end = text_.find('\0');
    if (end == std::string_view::npos) {
      failed_ = true;
      return {};
    }
    const std::string_view field = text_.substr(0, end);
    text_.remove_prefix(end + 1);
    return field;
  }

  template <class Number>
  Number number() {
    const std::string_view field = text();
    Number value = 0;
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (error != std::errc() || end != field.data() + field.size()) failed_ = true;
    return value;
  }

 private:
  std::string_view text_;
  bool failed_ = false;
};

/// Adds one such field.
inline void add_field(std::string& text, std::string_view field) { (text += field) += '\0'; }
template <class Number>
void add_number(std::string& text, Number value) {
  add_field(text, std::to_string(value));
}

}  // namespace mlrun::data
