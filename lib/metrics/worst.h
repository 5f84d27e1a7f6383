#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace mlrun::metrics {

/// Keeps the items that are worst, at most `most` of them; of equally bad ones those that came first.
template <class Item>
class Worst {
 public:
  explicit Worst(std::size_t most) : most_(most) {}

  /// Whether an item so bad would be kept.
  bool wants(double badness) const { return most_ > 0 && (items_.size() < most_ || badness > items_.back().first); }
  void add(double badness, Item item) {
    if (!wants(badness)) return;
    const auto place = std::upper_bound(items_.begin(), items_.end(), badness,
                                        [](double value, const auto& other) { return value > other.first; });
    items_.insert(place, {badness, std::move(item)});
    if (items_.size() > most_) items_.pop_back();
  }
  /// The worst first.
  std::vector<Item> list() const {
    std::vector<Item> list;
    for (const auto& item : items_) list.push_back(item.second);
    return list;
  }

 private:
  std::size_t most_;
  std::vector<std::pair<double, Item>> items_;
};

}  // namespace mlrun::metrics
