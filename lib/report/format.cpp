#include "report/format.h"

#include <array>
#include <charconv>
#include <cmath>

namespace mlrun::report {
namespace {

/// Reduces `value` by `base` until it prints below `base` with one digit, and counts the steps.
std::size_t reduce(double& value, double base, std::size_t most) {
  std::size_t steps = 0;
  while (steps < most && std::round(std::abs(value) * 10) / 10 >= base) {
    value /= base;
    ++steps;
  }
  return steps;
}

std::string two_digits(std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

struct Range {
  std::uint32_t first, last;
};

template <std::size_t N>
bool within(std::uint32_t code, const std::array<Range, N>& ranges) {
  for (const Range& range : ranges) {
    if (code >= range.first && code <= range.last) return true;
  }
  return false;
}

/// The main blocks of Unicode's East_Asian_Width W and F, and of combining marks.
constexpr std::array<Range, 9> kWide = {{{0x1100, 0x115F},
                                         {0x2E80, 0x303E},
                                         {0x3041, 0xA4CF},
                                         {0xAC00, 0xD7A3},
                                         {0xF900, 0xFAFF},
                                         {0xFE30, 0xFE6F},
                                         {0xFF00, 0xFF60},
                                         {0x1F300, 0x1FAFF},
                                         {0x20000, 0x3FFFD}}};
constexpr std::array<Range, 5> kCombining = {
    {{0x0300, 0x036F}, {0x1AB0, 0x1AFF}, {0x20D0, 0x20FF}, {0x200B, 0x200F}, {0xFE00, 0xFE0F}}};

}  // namespace

std::string fixed(double value, int digits) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 400> buffer;
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed, digits);
  return {buffer.data(), end.ptr};
}

std::string shortest(double value) {
  if (!std::isfinite(value)) return fixed(value, 0);
  if (value == std::trunc(value) && std::abs(value) < 1e15) return fixed(value == 0 ? 0 : value, 0);
  std::array<char, 40> buffer;
  return {buffer.data(), std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr};
}

std::string significant(double value, int digits) {
  std::array<char, 64> buffer;
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::general, digits).ptr;
  return std::string(buffer.data(), end);
}

std::string compact(double count) {
  constexpr std::array<const char*, 5> kUnits = {"", "k", "M", "G", "T"};
  const std::size_t steps = reduce(count, 1000, kUnits.size() - 1);
  return fixed(count, steps == 0 && count == std::trunc(count) ? 0 : 1) + kUnits[steps];
}

std::string grouped(std::int64_t count) {
  std::string text = std::to_string(count);
  const std::size_t sign = count < 0 ? 1 : 0;
  for (std::size_t at = text.size(); at > sign + 3;) text.insert(at -= 3, 1, ',');
  return text;
}

std::string bytes(double size) {
  constexpr std::array<const char*, 6> kUnits = {" B", " KiB", " MiB", " GiB", " TiB", " PiB"};
  const std::size_t steps = reduce(size, 1024, kUnits.size() - 1);
  return fixed(size, steps == 0 ? 0 : 1) + kUnits[steps];
}

std::string duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e12) return "?";
  if (seconds == 0) return "0 s";
  if (seconds < 0.9995) return fixed(seconds * 1000, seconds < 0.00995 ? 1 : 0) + " ms";
  if (seconds < 9.95) return fixed(seconds, 1) + " s";
  const std::int64_t whole = std::llround(seconds);
  if (whole < 60) return std::to_string(whole) + " s";
  const std::string tail = ":" + two_digits(whole % 60);
  if (whole < 3600) return std::to_string(whole / 60) + tail;
  return std::to_string(whole / 3600) + ":" + two_digits(whole / 60 % 60) + tail;
}

std::string percent(double fraction, int digits) { return fixed(fraction * 100, digits) + " %"; }

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const int following = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    std::uint32_t code = following == 0 ? lead : lead & (0x3Fu >> following);
    for (int k = 0; k < following && i < text.size() && (text[i] & 0xC0) == 0x80; ++k) {
      code = code << 6 | (static_cast<unsigned char>(text[i++]) & 0x3Fu);
    }
    if (!within(code, kCombining)) width += within(code, kWide) ? 2 : 1;
  }
  return width;
}

}  // namespace mlrun::report
