#include <algorithm>
#include <cctype>
#include <map>

#include "config/layering.h"
#include "config/sweep_grid.h"

namespace mlrun::config {
namespace {

constexpr std::size_t kLongestValue = 24;
constexpr std::size_t kLongestName = 120;

/// The last parts of a key, as many as `parts` says; `optimizer.name` is `optimizer`.
std::string last_parts(const std::string& key, std::size_t parts) {
  auto all = split_key(key);
  if (all.size() > 1 && all.back() == "name") all.pop_back();
  std::string text;
  for (std::size_t i = all.size() - std::min(parts, all.size()); i < all.size(); ++i) text = join_key(text, all[i]);
  return text;
}

/// As few of each key's last parts as tell the keys apart.
std::vector<std::string> short_keys(const Combination& keys) {
  std::vector<std::string> shortened;
  for (std::size_t parts = 1; parts <= 100; ++parts) {
    std::map<std::string, int> seen;
    for (const auto& set : keys) ++seen[last_parts(set.key, parts)];
    bool apart = true;
    shortened.resize(keys.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string text = last_parts(keys[i].key, parts);
      if (shortened[i].empty() && seen[text] == 1) shortened[i] = text;
      apart = apart && !shortened[i].empty();
    }
    if (apart) return shortened;
  }
  for (std::size_t i = 0; i < keys.size(); ++i) shortened[i] = keys[i].key;
  return shortened;
}

/// What a shell and every file system take without quotes; of a path the last part.
std::string short_value(const std::string& value) {
  const auto slash = value.find_last_not_of('/');
  const std::string whole = slash == std::string::npos ? value : value.substr(0, slash + 1);
  const std::string last = whole.find_first_of("[{") == 0 ? whole : whole.substr(whole.rfind('/') + 1);
  std::string text;
  for (const char c : last) {
    const bool plain =
        std::isalnum(static_cast<unsigned char>(c)) != 0 || std::string("._+-").find(c) != std::string::npos;
    if (plain) text += c;
    else if (!text.empty() && text.back() != '_') text += '_';
  }
  text.resize(std::min(text.size(), kLongestValue));
  while (!text.empty() && text.back() == '_') text.pop_back();
  return text;
}

std::string padded(std::size_t number) {
  const std::string digits = std::to_string(number);
  return std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits;
}

}  // namespace

std::vector<std::string> sweep_names(const std::vector<Combination>& combinations) {
  std::vector<std::string> names;
  const auto keys = combinations.empty() ? std::vector<std::string>() : short_keys(combinations.front());
  for (std::size_t i = 0; i < combinations.size(); ++i) {
    std::string name = padded(i);
    for (std::size_t k = 0; k < keys.size(); ++k) {
      const std::string value = combinations[i][k].value;
      name += "-" + keys[k] + "=" + (value.empty() ? "null" : short_value(value));
    }
    names.push_back(name.substr(0, kLongestName));
  }
  return names;
}

}  // namespace mlrun::config
