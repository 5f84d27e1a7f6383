#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/random.h"
#include "data/sources/splits.h"
#include "support.h"

namespace mlrun::data {
namespace {

struct GroupedPool {
  std::vector<std::int64_t> labels;
  std::vector<std::string> groups;

  void add(const std::string& group, std::int64_t label, int count) {
    labels.insert(labels.end(), static_cast<std::size_t>(count), label);
    groups.insert(groups.end(), static_cast<std::size_t>(count), group);
  }
  std::set<std::string> groups_of(const std::vector<std::int64_t>& part) const {
    std::set<std::string> found;
    for (const auto at : part) found.insert(groups[static_cast<std::size_t>(at)]);
    return found;
  }
};

config::SplitOptions grouped(std::optional<double> train, std::optional<double> val, std::optional<double> test,
                             std::int64_t seed = 0) {
  config::SplitOptions options;
  options.train = train;
  options.val = val;
  options.test = test;
  options.seed = seed;
  options.group = "patient";
  return options;
}

/// Patients with 1 .. 20 images of one or two classes.
GroupedPool patients(int count, std::uint64_t seed) {
  GroupedPool pool;
  KeyedRandom random(seed, "test");
  for (int i = 0; i < count; ++i) {
    const std::string name = "p" + std::to_string(i);
    pool.add(name, static_cast<std::int64_t>(random.below(3)), static_cast<int>(1 + random.below(10)));
    pool.add(name, static_cast<std::int64_t>(random.below(3)), static_cast<int>(random.below(11)));
  }
  return pool;
}

Division divide_pool(const GroupedPool& pool, const config::SplitOptions& options) {
  return divide(pool.labels, pool.groups, options);
}

}  // namespace

TEST_CASE("a group is never in two splits, and shares and classes are kept", "[data][group_splits]") {
  for (std::uint64_t round = 0; round < 20; ++round) {
    const GroupedPool pool = patients(150, round);
    const auto total = static_cast<double>(pool.labels.size());
    const Division division = divide_pool(pool, grouped(0.7, 0.15, 0.15));
    std::set<std::string> seen;
    std::size_t samples = 0;
    const double wanted[] = {0.7, 0.15, 0.15};
    for (std::size_t part = 0; part < 3; ++part) {
      REQUIRE(std::is_sorted(division.parts[part].begin(), division.parts[part].end()));
      for (const auto& group : pool.groups_of(division.parts[part])) REQUIRE(seen.insert(group).second);
      samples += division.parts[part].size();
      REQUIRE(std::abs(static_cast<double>(division.parts[part].size()) - wanted[part] * total) <= 3);
      std::map<std::int64_t, double> all, here;
      for (const auto label : pool.labels) ++all[label];
      for (const auto at : division.parts[part]) ++here[pool.labels[static_cast<std::size_t>(at)]];
      for (const auto& [label, count] : all) REQUIRE(std::abs(here[label] - wanted[part] * count) <= 6);
    }
    REQUIRE(samples == pool.labels.size());
  }
}

TEST_CASE("a grouped division depends on keys and seed, not on the order of samples", "[data][group_splits]") {
  const GroupedPool pool = patients(40, 1);
  const auto options = grouped({}, 0.2, {});
  const auto val = pool.groups_of(divide_pool(pool, options).of(Split::Val));
  REQUIRE(val == pool.groups_of(divide_pool(pool, options).of(Split::Val)));
  GroupedPool turned = pool;
  std::reverse(turned.labels.begin(), turned.labels.end());
  std::reverse(turned.groups.begin(), turned.groups.end());
  REQUIRE(val == turned.groups_of(divide_pool(turned, options).of(Split::Val)));
  REQUIRE(val != pool.groups_of(divide_pool(pool, grouped({}, 0.2, {}, 1)).of(Split::Val)));
}

TEST_CASE("large groups stay where the shares are large, and no split stays empty", "[data][group_splits]") {
  GroupedPool pool;
  pool.add("hospital", 0, 80);
  pool.add("a", 0, 10);
  pool.add("b", 0, 10);
  for (std::int64_t seed = 0; seed < 10; ++seed) {
    const Division division = divide_pool(pool, grouped(0.8, 0.1, 0.1, seed));
    REQUIRE(division.of(Split::Train).size() == 80);
    REQUIRE(division.of(Split::Val).size() == 10);
    REQUIRE(division.of(Split::Test).size() == 10);
  }
  GroupedPool alike;
  for (const char* name : {"x", "y", "z"}) alike.add(name, 0, 100);
  const Division division = divide_pool(alike, grouped(0.9, 0.05, 0.05));
  for (const auto& part : division.parts) REQUIRE(part.size() == 100);
}

TEST_CASE("without shares groups change nothing, and what is left over is unused", "[data][group_splits]") {
  const GroupedPool pool = patients(30, 2);
  REQUIRE(divide_pool(pool, grouped({}, {}, {})).of(Split::Train).size() == pool.labels.size());
  const Division half = divide_pool(pool, grouped(0.25, 0.25, {}));
  const auto total = static_cast<double>(pool.labels.size());
  for (const Split split : {Split::Train, Split::Val}) {
    REQUIRE(std::abs(static_cast<double>(half.of(split).size()) - total / 4) <= 4);
  }
  config::SplitOptions alone;
  alone.val = 0.2;
  REQUIRE(divide(pool.labels, {}, alone).parts == divide(pool.labels, alone).parts);
}

TEST_CASE("fewer groups than splits are refused", "[data][group_splits]") {
  GroupedPool pool;
  pool.add("a", 0, 10);
  REQUIRE(test::user_error([&] { divide_pool(pool, grouped({}, 0.2, {})); }) ==
          "data.split.group: 'patient' makes 1 group, fewer than the 2 splits to fill; choose a finer group, or fewer "
          "splits");
}

TEST_CASE("many groups of many classes are divided in time", "[data][group_splits]") {
  GroupedPool pool;
  for (int i = 0; i < 20000; ++i) pool.add("g" + std::to_string(i), i % 1000, 1 + i % 5);
  const Division division = divide_pool(pool, grouped(0.8, 0.1, 0.1));
  REQUIRE(std::abs(static_cast<double>(division.of(Split::Val).size()) - 6000) <= 60);
}

}  // namespace mlrun::data
