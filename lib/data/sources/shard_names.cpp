#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "data/shown_text.h"
#include "data/sources/split_names.h"
#include "data/sources/webdataset.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostNames = 1'000'000;

[[noreturn]] void fail_braces(const std::string& pattern, const std::string& what) {
  throw UserError("'" + shown_text(pattern) + "': " + what, "write ranges as shards-{000..011}.tar");
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
}

/// What stands between two braces.
std::vector<std::string> alternatives(const std::string& inside, const std::string& pattern) {
  std::vector<std::string> list;
  const std::size_t dots = inside.find("..");
  if (dots == std::string::npos) {
    for (std::size_t begin = 0; begin <= inside.size();) {
      const std::size_t comma = std::min(inside.find(',', begin), inside.size());
      list.push_back(inside.substr(begin, comma - begin));
      begin = comma + 1;
    }
    return list;
  }
  const std::string first = inside.substr(0, dots), last = inside.substr(dots + 2);
  if (!is_number(first) || !is_number(last)) fail_braces(pattern, "'{" + shown_text(inside) + "}' is no range");
  const long begin = std::stol(first), end = std::stol(last);
  if (end < begin || static_cast<std::size_t>(end - begin) >= kMostNames) {
    fail_braces(pattern, "the range '{" + shown_text(inside) + "}' is empty or too long");
  }
  for (long i = begin; i <= end; ++i) {
    std::string number = std::to_string(i);
    if (number.size() < first.size()) number.insert(0, first.size() - number.size(), '0');
    list.push_back(std::move(number));
  }
  return list;
}

}  // namespace

std::vector<std::string> expand_braces(const std::string& pattern) {
  std::vector<std::string> names = {""};
  std::size_t at = 0;
  while (at < pattern.size()) {
    const std::size_t open = std::min(pattern.find('{', at), pattern.size());
    for (auto& name : names) name += pattern.substr(at, open - at);
    if (open == pattern.size()) break;
    const std::size_t close = pattern.find('}', open);
    if (close == std::string::npos) fail_braces(pattern, "a brace is not closed");
    const auto choices = alternatives(pattern.substr(open + 1, close - open - 1), pattern);
    if (names.size() * choices.size() > kMostNames) fail_braces(pattern, "stands for more than a million names");
    std::vector<std::string> longer;
    for (const auto& name : names) {
      for (const auto& choice : choices) longer.push_back(name + choice);
    }
    names = std::move(longer);
    at = close + 1;
  }
  return names;
}

bool holds_shards(const fs::path& folder) {
  std::vector<fs::path> places = {folder};
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    if (split_named(entry->path().filename().string()) == Split::Train) places.push_back(entry->path());
  }
  for (const auto& place : places) {
    for (fs::directory_iterator entry(place, error), end; !error && entry != end; entry.increment(error)) {
      if (entry->path().extension() == ".tar") return true;
    }
  }
  return false;
}

}  // namespace mlrun::data
