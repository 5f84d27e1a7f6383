#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace mlrun::data {

/// Lines of a text by the places of bytes in it.
class Lines {
 public:
  explicit Lines(std::string_view text);
  /// 1-based.
  int of(std::ptrdiff_t place) const;

 private:
  std::vector<std::ptrdiff_t> ends_;
};

/// The number that a text is, blanks around it allowed; nothing where it is none or not finite.
std::optional<double> number_of(std::string_view text);

/// A number as messages show it.
std::string number_text(double value);

/// Without blanks and line ends around it.
std::string trimmed_text(std::string_view text);

}  // namespace mlrun::data
