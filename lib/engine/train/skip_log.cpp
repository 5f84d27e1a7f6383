#include "engine/train/skip_log.h"

#include "base/log.h"

namespace mlrun::engine {

void SkipLog::add(const std::string& split, const std::vector<data::Skipped>& skipped) {
  constexpr std::int64_t kWarnings = 10;
  for (const auto& sample : skipped) {
    Ids& ids = splits_[split];
    last_message_ = sample.message;
    if (!ids.known.insert(sample.id).second) continue;
    ids.ordered.push_back(sample.id);
    const std::string text = split + " sample " + sample.id + " is skipped: " + sample.message;
    if (count() <= kWarnings) log::warning(text);
    else log::record(text);
    if (count() == kWarnings) log::warning("further skipped samples are listed in the log and in the result");
  }
}

Json SkipLog::ids() const {
  Json json = Json::object();
  for (const auto& [split, ids] : splits_) json[split] = ids.ordered;
  return json;
}

std::int64_t SkipLog::count() const {
  std::size_t sum = 0;
  for (const auto& item : splits_) sum += item.second.ordered.size();
  return static_cast<std::int64_t>(sum);
}

void SkipLog::save(data::State& state, const std::string& prefix) const { state.put(prefix + "skipped", ids()); }

void SkipLog::load(const data::State& state, const std::string& prefix) {
  splits_.clear();
  if (!state.has(prefix + "skipped")) return;
  for (const auto& [split, ids] : state.value(prefix + "skipped").items()) {
    for (const auto& id : ids) {
      splits_[split].known.insert(id.get<std::string>());
      splits_[split].ordered.push_back(id.get<std::string>());
    }
  }
}

}  // namespace mlrun::engine
