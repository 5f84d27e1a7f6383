#include "data/sources/splits.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/log.h"
#include "base/random.h"

namespace mlrun::data {
namespace {

constexpr std::size_t kParts = 4;  // train, val, test, unused
using Shares = std::array<double, kParts>;
using Counts = std::array<std::int64_t, kParts>;

constexpr double kSlack = 1e-9;  // 0.15 x 20 is 3 samples, whatever the last bit says

/// Divides `total` by largest remainder; `owed` is what earlier roundings owe each part.
Counts apportion(std::int64_t total, const Shares& shares, Shares& owed) {
  Counts counts{};
  std::int64_t left = total;
  for (std::size_t part = 0; part < kParts; ++part) {
    const double exact = shares[part] * static_cast<double>(total);
    counts[part] = static_cast<std::int64_t>(std::floor(exact + kSlack));
    owed[part] += exact - static_cast<double>(counts[part]);
    left -= counts[part];
  }
  MLRUN_ASSERT(left >= 0, "the shares add up to more than 1");
  for (; left > 0; --left) {
    // Differences below the slack are rounding noise: the first part of equals wins.
    std::size_t best = 0;
    for (std::size_t part = 1; part < kParts; ++part) {
      if (owed[part] > owed[best] + kSlack) best = part;
    }
    ++counts[best];
    owed[best] -= 1;
  }
  return counts;
}

void check_filled(const Division& division, const Shares& shares, std::size_t total) {
  for (const Split split : {Split::Train, Split::Val, Split::Test}) {
    const double share = shares[static_cast<std::size_t>(split)];
    if (share <= kSlack || !division.of(split).empty()) continue;
    Problem problem;
    problem.key = std::string("data.split.") + split_name(split);
    problem.message = "its share of the " + std::to_string(total) + " samples is not one sample";
    problem.hint = "give it a larger share, or none";
    throw UserError(problem);
  }
}

/// Warns of classes of which the pool has samples and train has none.
void warn_of_untrained(const DataInfo& info, const std::vector<std::int64_t>& labels, const Division& division) {
  if (division.of(Split::Train).empty()) return;  // nothing is to be learnt
  std::vector<std::int64_t> all(info.classes.size()), trained(info.classes.size());
  for (const auto label : labels) ++all[static_cast<std::size_t>(label)];
  for (const auto at : division.of(Split::Train))
    ++trained[static_cast<std::size_t>(labels[static_cast<std::size_t>(at)])];
  std::size_t count = 0, first = 0;
  for (std::size_t i = all.size(); i-- > 0;) {
    if (all[i] > 0 && trained[i] == 0) ++count, first = i;
  }
  if (count == 0) return;
  std::string where;
  for (const Split split : {Split::Val, Split::Test}) {
    const auto& part = division.of(split);
    const bool there = std::any_of(part.begin(), part.end(), [&](std::int64_t at) {
      return labels[static_cast<std::size_t>(at)] == static_cast<std::int64_t>(first);
    });
    if (there) where += (where.empty() ? "" : " and ") + std::string(split_name(split));
  }
  const std::string others =
      count == 1 ? "" : " and " + std::to_string(count - 1) + (count == 2 ? " other class" : " other classes");
  log::warning(info.name + ": the division gives train no sample of class '" + info.classes[first] + "'" + others +
               ": " + (all[first] == 1 ? "its only one goes" : "its " + std::to_string(all[first]) + " go") + " to " +
               (where.empty() ? "no split" : where) +
               ", so it cannot be learnt; add samples to such classes, or leave them out");
}

}  // namespace

std::array<double, 4> all_shares(const config::SplitOptions& options) {
  const double held_out = options.val.value_or(0) + options.test.value_or(0);
  const double train = options.train.value_or(std::max(0.0, 1 - held_out));
  double unused = 1 - held_out - train;
  if (unused < kSlack) unused = 0;
  return {train, options.val.value_or(0), options.test.value_or(0), unused};
}

Division divide(const std::vector<std::int64_t>& labels, const config::SplitOptions& options) {
  const Shares shares = all_shares(options);
  std::map<std::int64_t, std::vector<std::int64_t>> by_class;
  for (std::size_t i = 0; i < labels.size(); ++i) by_class[labels[i]].push_back(static_cast<std::int64_t>(i));

  Division division;
  Shares owed{};
  for (const auto& [label, members] : by_class) {
    const auto total = static_cast<std::int64_t>(members.size());
    const Counts counts = apportion(total, shares, owed);
    const auto order = permutation(
        total, KeyedRandom(static_cast<std::uint64_t>(options.seed), "split", static_cast<std::uint64_t>(label)));
    auto next = order.begin();
    for (std::size_t part = 0; part < division.parts.size(); ++part) {
      const auto end = next + counts[part];
      for (; next != end; ++next) division.parts[part].push_back(members[static_cast<std::size_t>(*next)]);
    }
  }
  for (auto& part : division.parts) std::sort(part.begin(), part.end());
  check_filled(division, shares, labels.size());
  return division;
}

Division divide_pool(const DataInfo& info, const std::vector<std::int64_t>& labels,
                     const std::vector<std::string>& groups, const config::SplitOptions& shares) {
  Division division = divide(labels, groups, shares);
  warn_of_untrained(info, labels, division);
  return division;
}

void check_shares(const config::SplitOptions& shares, bool has_val, bool has_test) {
  const auto refuse = [](const char* split) {
    Problem problem;
    problem.key = std::string("data.split.") + split;
    problem.message = std::string("the data set has a ") + split + " split of its own";
    problem.hint = "remove this share";
    throw UserError(problem);
  };
  if (has_val && shares.val) refuse("val");
  if (has_test && shares.test) refuse("test");
}

}  // namespace mlrun::data
