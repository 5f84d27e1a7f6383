#include "weights/patterns.h"

#include <algorithm>
#include <set>

#include "config/registry.h"

namespace mlrun::weights {
namespace {

/// What each `*` stands for; nothing where the pattern does not match. The last `*` that could take
/// less is the one that is made longer, so the time is at most the product of the lengths.
std::optional<std::vector<std::string>> captured(const std::string& pattern, const std::string& name) {
  std::vector<std::string> parts;
  std::size_t p = 0, n = 0, star = std::string::npos, begin = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      if (star != std::string::npos) parts.back() = name.substr(begin, parts.back().size());
      star = p++;
      begin = n;
      parts.emplace_back();
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string::npos) {
      parts.back() += name[begin + parts.back().size()];
      p = star + 1;
      n = begin + parts.back().size();
    } else {
      return std::nullopt;
    }
  }
  for (; p < pattern.size() && pattern[p] == '*'; ++p) parts.emplace_back();
  if (p < pattern.size()) return std::nullopt;
  return parts;
}

bool has_star(const std::string& pattern) { return pattern.find('*') != std::string::npos; }

bool below(const std::string& layer, const std::string& name) {
  return name.size() > layer.size() && name[layer.size()] == '.' && name.compare(0, layer.size(), layer) == 0;
}

}  // namespace

bool matches(const std::string& pattern, const std::string& name) {
  if (has_star(pattern)) return captured(pattern, name).has_value();
  return pattern == name || (!pattern.empty() && below(pattern, name));
}

std::optional<std::string> replaced(const std::string& pattern, const std::string& replacement,
                                    const std::string& name) {
  if (!has_star(pattern)) {
    if (pattern == name) return replacement;
    if (pattern.empty() || !below(pattern, name)) return std::nullopt;
    return replacement.empty() ? name.substr(pattern.size() + 1) : replacement + name.substr(pattern.size());
  }
  const auto parts = captured(pattern, name);
  if (!parts) return std::nullopt;
  std::string result;
  std::size_t next = 0;
  for (const char c : replacement) {
    if (c != '*') result += c;
    else if (next < parts->size()) result += (*parts)[next++];
  }
  return result;
}

std::string nearest_name(const std::string& pattern, const std::vector<std::string>& names) {
  std::set<std::string> known(names.begin(), names.end());
  for (const auto& name : names) {
    constexpr std::size_t kLongest = 256;  // that a guess is made of
    for (auto dot = name.find('.'); dot < kLongest; dot = name.find('.', dot + 1)) {
      known.insert(name.substr(0, dot));
    }
  }
  std::string word = pattern;
  word.erase(std::remove(word.begin(), word.end(), '*'), word.end());
  while (!word.empty() && word.back() == '.') word.pop_back();
  return config::did_you_mean(word, {known.begin(), known.end()});
}

}  // namespace mlrun::weights
