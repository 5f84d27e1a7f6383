#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "data/sources/splits.h"

namespace mlrun::data {
namespace {

constexpr std::size_t kGroupParts = 4;  // train, val, test, unused
constexpr double kTinyShare = 1e-9;
constexpr std::size_t kMostSwapped = 300;  // groups for which every exchange of two is tried
constexpr int kMostRounds = 50;

/// Samples that stay together.
struct SampleGroup {
  std::vector<std::int64_t> members;
  std::map<std::int64_t, double> classes;  // samples of each class
  double size = 0;
  std::size_t part = 0;
};

/// How far the parts are from their shares: over the parts, the squared differences of the total and of
/// each class from what was wanted, divided by the wanted total.
class GroupBalance {
 public:
  GroupBalance(const std::array<double, kGroupParts>& shares, const std::vector<SampleGroup>& groups)
      : shares_(shares) {
    for (const auto& group : groups) {
      total_ += group.size;
      for (const auto& [label, count] : group.classes) wanted_[label] += count;
    }
    for (auto& held : held_) {
      for (const auto& [label, count] : wanted_) held[label] = 0;
    }
  }

  bool open(std::size_t part) const { return shares_[part] > kTinyShare; }
  int groups_in(std::size_t part) const { return groups_[part]; }

  /// What it costs to put the group into a part.
  double cost(const SampleGroup& group, std::size_t part) const {
    const auto change = [](double count, double held, double wanted) { return count * (count + 2 * (held - wanted)); };
    double cost = change(group.size, sizes_[part], shares_[part] * total_);
    for (const auto& [label, count] : group.classes) {
      cost += change(count, held_[part].at(label), shares_[part] * wanted_.at(label));
    }
    return cost / (shares_[part] * total_);
  }

  void put(SampleGroup& group, std::size_t part) {
    group.part = part;
    count(group, 1);
  }
  void take(const SampleGroup& group) { count(group, -1); }

 private:
  void count(const SampleGroup& group, int sign) {
    groups_[group.part] += sign;
    sizes_[group.part] += sign * group.size;
    for (const auto& [label, count] : group.classes) held_[group.part][label] += sign * count;
  }

  std::array<double, kGroupParts> shares_;
  double total_ = 0;
  std::map<std::int64_t, double> wanted_;
  std::array<double, kGroupParts> sizes_{};
  std::array<int, kGroupParts> groups_{};
  std::array<std::map<std::int64_t, double>, kGroupParts> held_;
};

/// The groups in an order that the seed draws; before that they are in the order of their keys.
std::vector<SampleGroup> gather_groups(const std::vector<std::int64_t>& labels, const std::vector<std::string>& keys,
                                       std::int64_t seed) {
  std::map<std::string, SampleGroup> by_key;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    SampleGroup& group = by_key[keys[i]];
    group.members.push_back(static_cast<std::int64_t>(i));
    group.classes[labels[i]] += 1;
    group.size += 1;
  }
  std::vector<SampleGroup> sorted;
  for (auto& item : by_key) sorted.push_back(std::move(item.second));
  std::vector<SampleGroup> drawn;
  for (const auto at : permutation(static_cast<std::int64_t>(sorted.size()),
                                   KeyedRandom(static_cast<std::uint64_t>(seed), "split groups"))) {
    drawn.push_back(std::move(sorted[static_cast<std::size_t>(at)]));
  }
  return drawn;
}

/// The part in which the group costs least; the first of equals.
std::size_t cheapest_part(const SampleGroup& group, const GroupBalance& balance) {
  std::size_t best = kGroupParts;
  double least = 0;
  for (std::size_t part = 0; part < kGroupParts; ++part) {
    if (!balance.open(part)) continue;
    const double cost = balance.cost(group, part);
    if (best == kGroupParts || cost < least - kTinyShare) {
      best = part;
      least = cost;
    }
  }
  return best;
}

/// Gives each empty part the smallest group of those that are not alone in theirs.
void fill_empty_parts(std::vector<SampleGroup>& groups, GroupBalance& balance) {
  for (std::size_t part = 0; part < kGroupParts - 1; ++part) {
    if (!balance.open(part) || balance.groups_in(part) > 0) continue;
    SampleGroup* smallest = nullptr;
    for (auto& group : groups) {
      if (balance.groups_in(group.part) > 1 && (smallest == nullptr || group.size < smallest->size)) smallest = &group;
    }
    if (smallest == nullptr) return;
    balance.take(*smallest);
    balance.put(*smallest, part);
  }
}

/// Moves single groups while that brings the parts nearer to their shares.
bool move_groups(std::vector<SampleGroup>& groups, GroupBalance& balance) {
  bool moved = false;
  for (auto& group : groups) {
    const std::size_t from = group.part;
    if (balance.groups_in(from) < 2) continue;
    balance.take(group);
    const std::size_t to = cheapest_part(group, balance);
    const bool better = balance.cost(group, to) < balance.cost(group, from) - kTinyShare;
    balance.put(group, better ? to : from);
    moved = moved || better;
  }
  return moved;
}

/// Exchanges two groups of different parts while that brings the parts nearer to their shares.
bool swap_groups(std::vector<SampleGroup>& groups, GroupBalance& balance) {
  bool swapped = false;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (std::size_t j = i + 1; j < groups.size(); ++j) {
      SampleGroup &a = groups[i], &b = groups[j];
      const std::size_t part_a = a.part, part_b = b.part;
      if (part_a == part_b) continue;
      balance.take(a);
      balance.take(b);
      const auto placed = [&](const SampleGroup& x, const SampleGroup& y) {  // in part_a and part_b
        return balance.cost(x, part_a) + balance.cost(y, part_b);
      };
      const bool better = placed(b, a) < placed(a, b) - kTinyShare;
      balance.put(a, better ? part_b : part_a);
      balance.put(b, better ? part_a : part_b);
      swapped = swapped || better;
    }
  }
  return swapped;
}

void check_group_count(std::size_t groups, const GroupBalance& balance, const config::SplitOptions& options) {
  std::size_t wanted = 0;
  for (std::size_t part = 0; part < kGroupParts - 1; ++part) wanted += balance.open(part) ? 1 : 0;
  if (groups >= wanted) return;
  throw UserError(Problem{"", 0, 0, "data.split.group",
                          "'" + *options.group + "' makes " + std::to_string(groups) + " group" +
                              (groups == 1 ? "" : "s") + ", fewer than the " + std::to_string(wanted) +
                              " splits to fill",
                          "choose a finer group, or fewer splits"});
}

}  // namespace

Division divide(const std::vector<std::int64_t>& labels, const std::vector<std::string>& groups,
                const config::SplitOptions& options) {
  if (groups.empty() || !options.group) return divide(labels, options);
  MLRUN_ASSERT(groups.size() == labels.size(), "every sample needs a group");
  auto gathered = gather_groups(labels, groups, options.seed);
  GroupBalance balance(all_shares(options), gathered);
  check_group_count(gathered.size(), balance, options);
  for (auto& group : gathered) balance.put(group, cheapest_part(group, balance));
  fill_empty_parts(gathered, balance);
  for (int round = 0; round < kMostRounds; ++round) {
    bool changed = move_groups(gathered, balance);
    if (gathered.size() <= kMostSwapped) changed = swap_groups(gathered, balance) || changed;
    if (!changed) break;
  }

  Division division;
  for (const auto& group : gathered) {
    if (group.part == kGroupParts - 1) continue;
    auto& part = division.parts[group.part];
    part.insert(part.end(), group.members.begin(), group.members.end());
  }
  for (auto& part : division.parts) std::sort(part.begin(), part.end());
  return division;
}

}  // namespace mlrun::data
