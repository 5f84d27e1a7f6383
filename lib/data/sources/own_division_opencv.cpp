#include "data/sources/own_division.h"

#include <map>
#include <string>

#include "base/error.h"
#include "data/shown_text.h"
#include "data/sources/masked_images.h"
#include "data/sources/split_names.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr Split kOwnSplits[] = {Split::Train, Split::Val, Split::Test};

/// The positions that a list names; nothing where there is no such list.
std::optional<std::vector<std::int64_t>> listed(const fs::path& list,
                                                const std::map<std::string, std::int64_t>& names) {
  if (!fs::is_regular_file(list)) return std::nullopt;
  std::vector<std::int64_t> positions;
  for (const auto& [name, line] : read_name_list(list)) {
    auto found = names.find(name);
    if (found == names.end()) found = names.find(without_ending(name).string());
    if (found == names.end()) {
      throw UserError(Problem{list.string(), line, 0, "", "there is no image '" + shown_text(name) + "'",
                              "lists name images, with or without their endings"});
    }
    positions.push_back(found->second);
  }
  return positions;
}

}  // namespace

fs::path without_ending(const fs::path& path) { return path.parent_path() / path.stem(); }

std::optional<Division> own_division(const fs::path& root, const std::vector<fs::path>& images) {
  Division division;
  std::map<std::string, std::int64_t> names;
  bool folders = true;
  for (std::size_t i = 0; i < images.size(); ++i) {
    const auto position = static_cast<std::int64_t>(i);
    names.emplace(without_ending(images[i]).string(), position);
    const auto split = images[i].has_parent_path() ? split_named(images[i].begin()->string()) : std::nullopt;
    folders = folders && split;
    if (folders) division.of(*split).push_back(position);
  }
  if (folders) return division;
  division = {};
  bool any = false;
  for (const Split split : kOwnSplits) {
    const auto positions = listed(root / (std::string(split_name(split)) + ".txt"), names);
    any = any || positions;
    division.of(split) = positions.value_or(std::vector<std::int64_t>());
  }
  return any ? std::optional(division) : std::nullopt;
}

}  // namespace mlrun::data
