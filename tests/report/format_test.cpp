#include "report/format.h"

#include <cmath>
#include <cstdlib>
#include <limits>

#include "support.h"

using namespace mlrun::report;

namespace {
const double kUndefined = std::numeric_limits<double>::quiet_NaN();
const double kInfinity = std::numeric_limits<double>::infinity();
}  // namespace

TEST_CASE("counts are shortened and grouped", "[report]") {
  const auto [count, text] = GENERATE(table<double, std::string>({{0, "0"},
                                                                  {7.25, "7.2"},
                                                                  {999, "999"},
                                                                  {1000, "1.0k"},
                                                                  {1234567, "1.2M"},
                                                                  {999'949, "999.9k"},
                                                                  {999'950, "1.0M"},
                                                                  {-2500, "-2.5k"},
                                                                  {3.5e9, "3.5G"},
                                                                  {12e12, "12.0T"},
                                                                  {5e15, "5000.0T"}}));
  CHECK(compact(count) == text);
  CHECK(grouped(0) == "0");
  CHECK(grouped(999) == "999");
  CHECK(grouped(1000) == "1,000");
  CHECK(grouped(1234567) == "1,234,567");
  CHECK(grouped(-123456) == "-123,456");
  CHECK(grouped(INT64_MIN) == "-9,223,372,036,854,775,808");
}

TEST_CASE("sizes are given in powers of 1024", "[report]") {
  CHECK(bytes(0) == "0 B");
  CHECK(bytes(1023) == "1023 B");
  CHECK(bytes(1024) == "1.0 KiB");
  CHECK(bytes(12.3 * 1024 * 1024) == "12.3 MiB");
  CHECK(bytes(1024.0 * 1024 * 1024 - 1) == "1.0 GiB");
  CHECK(bytes(1e30).find(" PiB") != std::string::npos);
}

TEST_CASE("durations read like a clock", "[report]") {
  const auto [seconds, text] = GENERATE(table<double, std::string>({{0, "0 s"},
                                                                    {0.0021, "2.1 ms"},
                                                                    {0.012, "12 ms"},
                                                                    {0.9994, "999 ms"},
                                                                    {0.9996, "1.0 s"},
                                                                    {4.5, "4.5 s"},
                                                                    {9.94, "9.9 s"},
                                                                    {9.96, "10 s"},
                                                                    {45, "45 s"},
                                                                    {59.6, "1:00"},
                                                                    {123, "2:03"},
                                                                    {3599.7, "1:00:00"},
                                                                    {3723, "1:02:03"},
                                                                    {93600, "26:00:00"},
                                                                    {-1, "?"},
                                                                    {kUndefined, "?"},
                                                                    {kInfinity, "?"}}));
  CHECK(duration(seconds) == text);
}

TEST_CASE("numbers have fixed digits or the shortest that read back", "[report]") {
  CHECK(fixed(74.0419, 3) == "74.042");
  CHECK(fixed(-0.5, 0) == "-0");
  CHECK(fixed(1e300, 1).size() == 303);
  CHECK(fixed(kUndefined, 2) == "nan");
  CHECK(fixed(-kInfinity, 2) == "-inf");
  CHECK(percent(0.93424) == "93.42 %");
  CHECK(percent(1, 0) == "100 %");
  CHECK(shortest(0.1) == "0.1");
  CHECK(shortest(3) == "3");
  CHECK(shortest(-0.0) == "0");
  CHECK(shortest(kUndefined) == "nan");
  for (const double value : {1e-8, 1.0 / 3, 2.5e15, 1e15, 6.02e23, -std::sqrt(2.0)}) {
    CHECK(std::strtod(shortest(value).c_str(), nullptr) == value);
  }
}

TEST_CASE("display width counts columns, not bytes", "[report]") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("Grüße") == 5);
  CHECK(display_width("数字") == 4);
  CHECK(display_width("e\xcc\x81") == 1);
  CHECK(display_width("🙂") == 2);
  CHECK(display_width("\xff\xe4") == 2);
}

TEST_CASE("significant digits", "[report]") {
  const auto [value, text] = GENERATE(table<double, std::string>(
      {{0, "0"}, {1, "1"}, {0.0123456, "0.01235"}, {123456, "1.235e+05"}, {-2.5, "-2.5"}, {kInfinity, "inf"}}));
  CHECK(significant(value, 4) == text);
}
