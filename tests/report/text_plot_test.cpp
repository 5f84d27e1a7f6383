#include "report/text_plot.h"

#include <cmath>
#include <limits>

#include "catch.h"

using namespace mlrun;
using report::text_plot;

TEST_CASE("a line is drawn between its axes", "[report]") {
  std::vector<double> falling;
  for (int i = 0; i < 26; ++i) falling.push_back(1 - i / 25.0);
  CHECK(text_plot({"epoch", "rate", 0, 26, falling}, 31, 6) ==
        "rate\n"
        "1.0 +***\n"
        "    |   *****\n"
        "    |        *****\n"
        "0.5 +             *****\n"
        "    |                  *****\n"
        "  0 +                       ***\n"
        "    ++------------------+------\n"
        "     0                 20\n"
        "                epoch\n");
}

TEST_CASE("all values of a column are drawn, and none that is not finite", "[report]") {
  std::vector<double> values(1000, 0.5);
  values[500] = 2;
  values[700] = std::nan("");
  values[701] = std::numeric_limits<double>::infinity();
  const std::string text = text_plot({"step", "rate", 0, 1000, values}, 80, 9);
  std::size_t longest = 0, stars = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = text.find('\n', at);
    longest = std::max(longest, end - at);
    CHECK(text[end - 1] != ' ');
    at = end + 1;
  }
  for (const char c : text) stars += c == '*';
  CHECK(longest <= 80);
  CHECK(text.find("2 +") != std::string::npos);
  CHECK(stars == 77 + 6);  // one in each column, and the peak's way up
}

TEST_CASE("few values, equal ones, negative ones and none", "[report]") {
  CHECK(text_plot({"x", "y", 0, 1, {}}) == "no data\n");
  CHECK(text_plot({"x", "y", 0, 1, {std::nan("")}}) == "no data\n");
  CHECK(text_plot({"x", "y", 0, 1, {0, 0}}).find('*') != std::string::npos);
  CHECK(text_plot({"x", "y", 0, 1, {3}}, 40, 4).find("y\n  |***") != std::string::npos);
  CHECK(text_plot({"x", "y", 0, 1, {-1, 1}}, 40, 7).find("-1 +***") != std::string::npos);
}
