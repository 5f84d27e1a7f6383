#include "config/registry.h"

#include <algorithm>

#include "base/error.h"

namespace mlrun::config {
namespace {

/// Optimal string alignment: insertions, deletions, substitutions and transpositions of neighbours
/// count one each.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, above);
    std::swap(above, row);
  }
  return above[b.size()];
}

std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

}  // namespace

const Entry* Registry::find(const std::string& name) const {
  const auto found =
      std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.name == name; });
  return found == entries_.end() ? nullptr : &*found;
}

const Entry& Registry::at(const std::string& name) const {
  if (const Entry* entry = find(name)) return *entry;
  std::string hint = did_you_mean(name, names());
  if (hint.empty() && !entries_.empty()) hint = "known: " + listed(names());
  throw UserError("there is no " + kind_ + " named '" + name + "'", hint);
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> names;
  for (const auto& entry : entries_) names.push_back(entry.name);
  return names;
}

std::size_t Registry::insert(Entry entry) {
  MLRUN_ASSERT(find(entry.name) == nullptr, "two entries of kind " + kind_ + " are named " + entry.name);
  entries_.push_back(std::move(entry));
  return entries_.size() - 1;
}

void Catalogue::add(const Registry& registry) {
  const bool added = registries_.emplace(registry.kind(), &registry).second;
  MLRUN_ASSERT(added, "two registries are of kind " + registry.kind());
}

const Registry& Catalogue::at(const std::string& kind) const {
  const auto found = registries_.find(kind);
  MLRUN_ASSERT(found != registries_.end(), "no registry of kind " + kind);
  return *found->second;
}

std::vector<const Registry*> Catalogue::all() const {
  std::vector<const Registry*> all;
  for (const auto& [kind, registry] : registries_) all.push_back(registry);
  return all;
}

std::vector<std::string> nearest(const std::string& word, const std::vector<std::string>& candidates,
                                 std::size_t most) {
  constexpr std::size_t kLongestWord = 256;  // the cost grows with the product of both lengths
  if (word.size() > kLongestWord) return {};
  const std::size_t limit = std::max<std::size_t>(1, word.size() / 3);
  std::vector<std::pair<std::size_t, std::string>> ranked;
  for (const auto& candidate : candidates) {
    const std::size_t difference = std::max(word.size(), candidate.size()) - std::min(word.size(), candidate.size());
    if (difference > limit) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance <= limit) ranked.emplace_back(distance, candidate);
  }
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<std::string> words;
  for (const auto& [distance, candidate] : ranked) {
    if (words.size() < most && std::find(words.begin(), words.end(), candidate) == words.end()) {
      words.push_back(candidate);
    }
  }
  return words;
}

std::string did_you_mean(const std::string& word, const std::vector<std::string>& candidates) {
  const auto words = nearest(word, candidates);
  return words.empty() ? "" : "did you mean " + listed(words) + "?";
}

}  // namespace mlrun::config
