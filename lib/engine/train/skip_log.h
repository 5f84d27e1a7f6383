#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "data/fields.h"
#include "data/state.h"

namespace mlrun::engine {

/// The samples that were skipped because they could not be read, each counted once however often it
/// comes by. The first ones are warned of one by one.
class SkipLog : public data::Stateful {
 public:
  void add(const std::string& split, const std::vector<data::Skipped>& skipped);

  /// The ids by split, in the order in which they were met; an empty object where nothing was skipped.
  Json ids() const;
  std::int64_t count() const;
  /// Why the last one could not be read.
  const std::string& last_message() const { return last_message_; }

  void save(data::State& state, const std::string& prefix) const override;
  /// Empty where the state knows of none.
  void load(const data::State& state, const std::string& prefix) override;

 private:
  struct Ids {
    std::vector<std::string> ordered;
    std::unordered_set<std::string> known;
  };
  std::map<std::string, Ids> splits_;
  std::string last_message_;
};

}  // namespace mlrun::engine
