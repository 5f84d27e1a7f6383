#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

/// Numbers for people. The decimal point is always a point.
namespace mlrun::report {

/// `digits` after the point: 74.042. NaN is `nan`, infinities `inf` and `-inf`.
std::string fixed(double value, int digits);

/// The shortest text that reads back as the same double: 0.1, 1e-08; whole numbers without point.
std::string shortest(double value);

/// At most this many significant digits: 0.01235, 1.235e+20.
std::string significant(double value, int digits);

/// 999, 1.2k, 1.2M, 3.5G, 12.0T: one digit after the point from a thousand on.
std::string compact(double count);

/// 1,234,567.
std::string grouped(std::int64_t count);

/// 512 B, 12.3 MiB: powers of 1024.
std::string bytes(double size);

/// 12 ms, 4.5 s, 45 s, 2:03 (minutes and seconds), 1:02:03 (hours), 26:00:00. Negative and not
/// finite: `?`.
std::string duration(double seconds);

/// A fraction as percent: 0.9342 is `93.42 %`.
std::string percent(double fraction, int digits = 2);

/// Columns that a terminal needs for UTF-8 text: wide East Asian characters and emoji take two,
/// combining marks none.
std::size_t display_width(std::string_view text);

}  // namespace mlrun::report
