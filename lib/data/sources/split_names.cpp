#include "data/sources/split_names.h"

#include <map>

#include "base/error.h"

namespace mlrun::data {

std::optional<Split> split_named(std::string_view name) {
  static const std::map<std::string, Split> names = {
      {"train", Split::Train},    {"training", Split::Train}, {"val", Split::Val},   {"valid", Split::Val},
      {"validation", Split::Val}, {"dev", Split::Val},        {"test", Split::Test}, {"testing", Split::Test},
      {"eval", Split::Test},      {"evaluation", Split::Test}};
  std::string lower(name);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  const auto found = names.find(lower);
  return found == names.end() ? std::nullopt : std::optional(found->second);
}

std::array<std::string, 3> split_folders(const std::vector<std::string>& folders, const std::filesystem::path& root) {
  std::array<std::string, 3> found;
  for (const auto& name : folders) {
    const auto split = split_named(name);
    if (!split) continue;
    std::string& place = found[static_cast<std::size_t>(*split)];
    if (!place.empty()) {
      throw file_error(root.string(), "'" + place + "' and '" + name + "' both name the split " + split_name(*split),
                       "leave one of them there, or name them train, val and test");
    }
    place = name;
  }
  return found;
}

}  // namespace mlrun::data
