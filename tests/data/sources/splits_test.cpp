#include "data/sources/splits.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "logged.h"
#include "support.h"

namespace mlrun::data {
namespace {

using Labels = std::vector<std::int64_t>;

config::SplitOptions shares(std::optional<double> train, std::optional<double> val, std::optional<double> test,
                            std::int64_t seed = 0) {
  config::SplitOptions options;
  options.train = train;
  options.val = val;
  options.test = test;
  options.seed = seed;
  return options;
}

Labels cycle(std::int64_t samples, std::int64_t classes) {
  Labels labels;
  for (std::int64_t i = 0; i < samples; ++i) labels.push_back(i * 7 % classes);
  return labels;
}

std::map<std::int64_t, std::int64_t> per_class(const Labels& labels, const std::vector<std::int64_t>& positions) {
  std::map<std::int64_t, std::int64_t> counts;
  for (const auto at : positions) ++counts[labels[static_cast<std::size_t>(at)]];
  return counts;
}

std::vector<std::int64_t> together(const Division& division) {
  std::vector<std::int64_t> all;
  for (const auto& part : division.parts) all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace

TEST_CASE("without shares everything is for training", "[data][splits]") {
  const Division division = divide(cycle(30, 3), {});
  REQUIRE(division.of(Split::Train).size() == 30);
  REQUIRE(division.of(Split::Val).empty());
  REQUIRE(division.of(Split::Test).empty());
}

TEST_CASE("shares that sum to 1 use every sample once, each class alike", "[data][splits]") {
  const Labels labels = cycle(1000, 10);
  const Division division = divide(labels, shares(0.7, 0.15, 0.15));
  const auto all = together(division);
  REQUIRE(all.size() == 1000);
  for (std::size_t i = 0; i < all.size(); ++i) REQUIRE(all[i] == static_cast<std::int64_t>(i));
  for (const auto& [label, count] : per_class(labels, division.of(Split::Train))) REQUIRE(count == 70);
  for (const auto& [label, count] : per_class(labels, division.of(Split::Val))) REQUIRE(count == 15);
  for (const auto& [label, count] : per_class(labels, division.of(Split::Test))) REQUIRE(count == 15);
  for (const auto& part : division.parts) REQUIRE(std::is_sorted(part.begin(), part.end()));
}

TEST_CASE("a missing train share is the rest", "[data][splits]") {
  const Labels labels = cycle(200, 4);
  const Division division = divide(labels, shares({}, {}, 0.2));
  REQUIRE(division.of(Split::Train).size() == 160);
  REQUIRE(division.of(Split::Val).empty());
  REQUIRE(division.of(Split::Test).size() == 40);
  REQUIRE(division.parts == divide(labels, shares(0.8, {}, 0.2)).parts);
}

TEST_CASE("what the shares leave over is unused, and 0 means no split", "[data][splits]") {
  const Labels labels = cycle(400, 4);
  const Division division = divide(labels, shares(0.5, 0.25, 0));
  REQUIRE(division.of(Split::Train).size() == 200);
  REQUIRE(division.of(Split::Val).size() == 100);
  REQUIRE(division.of(Split::Test).empty());
  const Division only_test = divide(labels, shares({}, {}, 1));
  REQUIRE(only_test.of(Split::Train).empty());
  REQUIRE(only_test.of(Split::Test).size() == 400);
}

TEST_CASE("the seed chooses the division, and only the seed", "[data][splits]") {
  const Labels labels = cycle(500, 5);
  REQUIRE(divide(labels, shares(0.8, 0.2, {}, 3)).parts == divide(labels, shares(0.8, 0.2, {}, 3)).parts);
  REQUIRE(divide(labels, shares(0.8, 0.2, {}, 3)).parts != divide(labels, shares(0.8, 0.2, {}, 4)).parts);
  // Classes are shuffled each in its own way, not all by one order of places.
  const Labels blocks = [] {
    Labels list(100, 0);
    list.resize(200, 1);
    return list;
  }();
  const auto val = divide(blocks, shares({}, 0.2, {})).of(Split::Val);
  std::vector<std::int64_t> first(val.begin(), val.begin() + 20), second(val.begin() + 20, val.end());
  for (auto& at : second) at -= 100;
  REQUIRE(first != second);
}

TEST_CASE("rounding keeps each class within one and the totals near", "[data][splits]") {
  KeyedRandom random(1, "test");
  for (int round = 0; round < 200; ++round) {
    const auto classes = static_cast<std::int64_t>(1 + random.below(40));
    Labels labels;
    for (std::int64_t label = 0; label < classes; ++label) labels.insert(labels.end(), 3 + random.below(9), label);
    const double val = 0.1 + 0.3 * random.uniform();
    const double test = 0.1 + 0.3 * random.uniform();
    const Division division = divide(labels, shares({}, val, test));
    REQUIRE(together(division).size() == labels.size());
    const auto everything = per_class(labels, divide(labels, {}).of(Split::Train));
    const double wanted[] = {1 - val - test, val, test};
    for (std::size_t part = 0; part < 3; ++part) {
      const double total = static_cast<double>(division.parts[part].size());
      REQUIRE(std::abs(total - wanted[part] * static_cast<double>(labels.size())) < 2);
      auto counts = per_class(labels, division.parts[part]);
      for (const auto& [label, size] : everything) {
        REQUIRE(std::abs(static_cast<double>(counts[label]) - wanted[part] * static_cast<double>(size)) < 1.5);
      }
    }
  }
}

TEST_CASE("many classes of one sample are still divided by the shares", "[data][splits]") {
  Labels labels(100);
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i);
  const Division division = divide(labels, shares(0.8, {}, 0.2));
  REQUIRE(division.of(Split::Train).size() == 80);
  REQUIRE(division.of(Split::Test).size() == 20);
}

TEST_CASE("a split that would be empty is refused", "[data][splits]") {
  REQUIRE(test::user_error([] { divide(cycle(20, 2), shares({}, 0.01, {})); }) ==
          "data.split.val: its share of the 20 samples is not one sample; give it a larger share, or none");
  REQUIRE(test::user_error([] { divide({}, shares(0.5, {}, {})); }) ==
          "data.split.train: its share of the 0 samples is not one sample; give it a larger share, or none");
}

TEST_CASE("a share of a split that is already there is refused", "[data][splits]") {
  REQUIRE_NOTHROW(check_shares(shares(0.5, 0.1, {}), false, true));
  REQUIRE(test::user_error([] { check_shares(shares({}, {}, 0.1), false, true); }) ==
          "data.split.test: the data set has a test split of its own; remove this share");
  REQUIRE(test::user_error([] { check_shares(shares({}, 0.1, {}), true, true); }) ==
          "data.split.val: the data set has a val split of its own; remove this share");
}

TEST_CASE("classes that a division leaves without a sample to learn from are told", "[data][splits]") {
  DataInfo info;
  info.name = "photos";
  info.classes = {"cat", "dog", "emu"};
  const auto told = [&](const Labels& labels, const config::SplitOptions& options,
                        const std::vector<std::string>& groups = {}) {
    return test::logged([&] { divide_pool(info, labels, groups, options); });
  };
  const std::string hint = ", so it cannot be learnt; add samples to such classes, or leave them out\n";
  Labels labels(41, 0);
  CHECK(told(labels, shares(0.4, 0.3, 0.3)).empty());
  labels.push_back(1);  // what rounding owes the other splits makes them get it
  CHECK(told(labels, shares(0.4, 0.3, 0.3)) ==
        "warning photos: the division gives train no sample of class 'dog': its only one goes to val" + hint);
  labels.push_back(2);
  CHECK(
      told(labels, shares(0.4, 0.3, 0.3)) ==
      "warning photos: the division gives train no sample of class 'dog' and 1 other class: its only one goes to val" +
          hint);
  CHECK(told({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, shares(0.2, 0.2, {})) ==
        "warning photos: the division gives train no sample of class 'dog': its only one goes to no split" + hint);
  CHECK(told(labels, shares({}, {}, 1)).empty());  // nothing is learnt
}

}  // namespace mlrun::data
