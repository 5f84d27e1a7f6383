#include "report/chart.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "support.h"
#include "well_formed.h"

using namespace mlrun;
using namespace mlrun::report;
using mlrun::test::markup_fault;
using mlrun::test::web_addresses;

namespace {

const double kNan = std::numeric_limits<double>::quiet_NaN();
const double kInf = std::numeric_limits<double>::infinity();

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

std::vector<std::string> labels(const Scale& scale, int most) {
  std::vector<std::string> list;
  for (const Tick& tick : ticks(scale, most)) list.push_back(tick.label);
  return list;
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("ticks stand at round values within the scale", "[report]") {
  CHECK(labels({0, 10}, 5) == Labels{"0", "2", "4", "6", "8", "10"});
  CHECK(labels({-0.3, 1.1}, 7) == Labels{"-0.2", "0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  CHECK(labels({91.2, 92.4}, 6) == Labels{"91.2", "91.4", "91.6", "91.8", "92.0", "92.2", "92.4"});
  CHECK(labels({0, 0.0004}, 4) == Labels{"0", "0.0001", "0.0002", "0.0003", "0.0004"});
  CHECK(labels({0, 4e7}, 4) == Labels{"0", "1e+07", "2e+07", "3e+07", "4e+07"});
  CHECK(labels({0.9, 3.1, false, true}, 8) == Labels{"1", "2", "3"});
}

TEST_CASE("logarithmic ticks are powers of ten, with 2 and 5 where there is room", "[report]") {
  CHECK(labels({0.001, 1000, true}, 6) == Labels{"0.001", "0.01", "0.1", "1", "10", "100", "1e+03"});
  CHECK(labels({1, 100, true}, 8) == Labels{"1", "2", "5", "10", "20", "50", "100"});
  CHECK(labels({1e-12, 1e12, true}, 4) == Labels{"1e-12", "1e-06", "1", "1e+06", "1e+12"});
  CHECK(labels({3.1, 3.9, true}, 4).size() >= 2);
}

TEST_CASE("a scale holds all values and never has zero width", "[report]") {
  for (const std::vector<double>& values : {std::vector<double>{}, {0}, {5, 5}, {-3, 8}, {1e-300}, {1e300, -1e300}}) {
    const Scale scale = scale_for(values, false);
    CHECK(scale.high > scale.low);
    for (const double value : values) CHECK((scale.at(value) > 0 && scale.at(value) < 1));
  }
  const Scale log = scale_for({0.01, 100}, true);
  CHECK(log.at(1) == Approx(0.5));
  CHECK(log.at(0.01) > 0);
  CHECK(scale_for({7}, true).high > 7);
}

TEST_CASE("a chart is well-formed SVG that names its content", "[report]") {
  LineChart chart{"Loss <a> & \"b\"", "epoch", "loss", false, {}};
  chart.series.push_back({"train/loss", {1, 2, 3}, {2.5, 1.5, 1.25}});
  chart.series.push_back({"val/<loss>", {1, 2, 3}, {2.75, 1.75, 1.5}, true});
  const std::string drawn = svg(chart);
  CHECK(markup_fault(drawn) == "");
  CHECK(web_addresses(drawn).empty());
  CHECK(count(drawn, "<polyline") == 2);
  CHECK(count(drawn, "<circle") == 6);
  CHECK(count(drawn, "stroke-dasharray=") == 2);  // the line and its sample in the legend
  CHECK(drawn.find("<title>Loss &lt;a&gt; &amp; &quot;b&quot;</title>") != std::string::npos);
  CHECK(drawn.find("train/loss: from 2.5 to 1.25") != std::string::npos);
  CHECK(drawn.find("<title>val/&lt;loss&gt;: 1.75 at 2</title>") != std::string::npos);
}

TEST_CASE("a named place is an upright line with its name, where there are values", "[report]") {
  LineChart chart{"t", "epoch", "y", false, {{"", {0, 1, 2}, {0, 10, 5}}}};
  const std::string plain = svg(chart);
  CHECK(plain.find("data-place") == std::string::npos);
  chart.places = {{2, "best <1>"}, {7, "far"}};
  const std::string drawn = svg(chart);
  CHECK(markup_fault(drawn) == "");
  CHECK(count(drawn, "data-place=") == 1);
  // As the last point: 72 + 552 * (1 - 0.04/1.08)
  CHECK(drawn.find("x1=\"603.6\"") != std::string::npos);
  CHECK(drawn.find(">best &lt;1&gt;</text>") != std::string::npos);
  CHECK(drawn.find("; best &lt;1&gt; at 2;") != std::string::npos);
}

TEST_CASE("points lie where their values say", "[report]") {
  const Size size{640, 320};
  const std::string drawn = svg({"t", "", "", false, {{"", {0, 1}, {0, 10}}}}, size);
  // 72 + 552 * 0.04/1.08 and the same from the right; 34 + 242 * (1 - 0.04/1.08), 34 + 242 * 0.04/1.08
  CHECK(drawn.find("points=\"92.4,267 603.6,43\"") != std::string::npos);
}

TEST_CASE("values that cannot be drawn are gaps", "[report]") {
  const LineChart chart{"t", "x", "y", false, {{"a", {1, 2, 3, 4, 5}, {1, 2, kNan, 3, kInf}}}};
  CHECK(count(svg(chart), "<polyline") == 1);  // 1 and 2; 4 stands alone
  CHECK(count(svg(chart), "<circle") == 3);
  LineChart log = chart;
  log.log_y = true;
  log.series[0].y = {1, 10, 0, -1, 100};
  CHECK(count(svg(log), "<circle") == 3);
  CHECK(markup_fault(svg(log)) == "");
}

TEST_CASE("a chart without data says so", "[report]") {
  for (const LineChart& chart : {LineChart{"t", "x", "y", false, {}}, LineChart{"t", "x", "y", true, {{"a", {1}, {0}}}},
                                 LineChart{"t", "x", "y", false, {{"a", {1}, {kNan}}}}}) {
    CHECK(svg(chart).find(">no data</text>") != std::string::npos);
    CHECK(markup_fault(svg(chart)) == "");
  }
  CHECK_THROWS_AS(svg({"t", "x", "y", false, {{"a", {1, 2}, {1}}}}), InternalError);
}

TEST_CASE("many points are thinned to what the eye sees", "[report]") {
  Series series{"a", {}, {}};
  for (int i = 0; i < 100000; ++i) {
    series.x.push_back(i);
    series.y.push_back(i == 54321 ? 100 : std::sin(i));
  }
  const std::string drawn = svg({"t", "x", "y", false, {series}});
  CHECK(drawn.size() < 60000);
  CHECK(drawn.find(",60.3") != std::string::npos);  // the peak: 52 + 224 * 0.04 / 1.08
}

TEST_CASE("the legend takes as many rows as it needs", "[report]") {
  LineChart chart{"t", "x", "y", false, {}};
  for (int i = 0; i < 12; ++i) chart.series.push_back({"a run with a long name " + std::to_string(i), {1, 2}, {1, 2}});
  const std::string drawn = svg(chart);
  CHECK(markup_fault(drawn) == "");
  for (int i = 0; i < 12; ++i) CHECK(drawn.find("long name " + std::to_string(i) + "</text>") != std::string::npos);
}
