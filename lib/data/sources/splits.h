#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "config/recipe.h"
#include "data/sources/source.h"
#include "data/sources/split.h"

namespace mlrun::data {

/// Which samples of a pool belong to which split: ascending positions in the pool. An empty list
/// means that there is no such split.
struct Division {
  std::array<std::vector<std::int64_t>, 3> parts;

  const std::vector<std::int64_t>& of(Split split) const { return parts[static_cast<std::size_t>(split)]; }
  std::vector<std::int64_t>& of(Split split) { return parts[static_cast<std::size_t>(split)]; }
};

/// Divides a pool by class, so that every split has each class's share of it. `labels` are those of
/// the samples in the order of their ids; the division depends on them, the shares and the seed
/// alone. A missing `train` share means the rest; what the shares leave over belongs to no split.
/// Each class is rounded by largest remainder, and what its rounding owes a split is made good by
/// the next class. Without any share the whole pool is `train`. UserError where a split that is
/// asked for would be empty.
Division divide(const std::vector<std::int64_t>& labels, const config::SplitOptions& shares);

/// Divides a pool so that all samples of a group are in one split, with the shares kept as closely as the
/// groups allow and every class's share as closely as that allows. `groups` has one key for each sample.
/// The division depends on keys, labels, shares and the seed, not on the order of the samples. UserError
/// where there are fewer groups than splits asked for. Without `groups` as the function above.
Division divide(const std::vector<std::int64_t>& labels, const std::vector<std::string>& groups,
                const config::SplitOptions& shares);

/// Divides the pool of a data set, with groups where there are any, and warns of the classes that it leaves without a
/// sample to learn from. `labels` are numbers of `info.classes`.
Division divide_pool(const DataInfo& info, const std::vector<std::int64_t>& labels,
                     const std::vector<std::string>& groups, const config::SplitOptions& shares);

/// Shares of train, val, test and of what stays unused; they add up to 1.
std::array<double, 4> all_shares(const config::SplitOptions& options);

/// UserError where a share is asked for a split that the data set already has.
void check_shares(const config::SplitOptions& shares, bool has_val, bool has_test);

}  // namespace mlrun::data
