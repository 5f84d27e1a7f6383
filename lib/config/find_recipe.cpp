#include <algorithm>

#include "config/layering.h"

namespace mlrun::config {
namespace {

namespace fs = std::filesystem;

bool is_file(const fs::path& path) {
  std::error_code error;
  const auto status = fs::status(path, error);
  return fs::exists(status) && !fs::is_directory(status);
}

std::string without_ending(const std::string& name) {
  for (const std::string ending : {".yaml", ".yml"}) {
    if (name.size() > ending.size() && name.compare(name.size() - ending.size(), ending.size(), ending) == 0) {
      return name.substr(0, name.size() - ending.size());
    }
  }
  return name;
}

std::string last_part(const std::string& name) { return name.substr(name.rfind('/') + 1); }

}  // namespace

void collect_recipes(const fs::path& folder, std::vector<std::string>& names) {
  constexpr int kMostEntries = 10000;  // of a folder that was not made for recipes
  constexpr int kDeepestFolder = 4;
  std::error_code error;
  const fs::path root = folder.empty() ? "." : folder;
  fs::recursive_directory_iterator entry(root, fs::directory_options::skip_permission_denied, error);
  std::vector<std::string> found;
  for (int seen = 0; !error && entry != fs::recursive_directory_iterator() && seen < kMostEntries; ++seen) {
    if (entry.depth() >= kDeepestFolder) entry.disable_recursion_pending();
    const auto ending = entry->path().extension();
    const bool table = entry.depth() > 0 && *entry->path().lexically_relative(root).begin() == "tables";
    if (!table && (ending == ".yaml" || ending == ".yml")) {
      found.push_back(without_ending(entry->path().lexically_relative(root).generic_string()));
    }
    entry.increment(error);
  }
  std::sort(found.begin(), found.end());  // directories are read in no particular order
  names.insert(names.end(), found.begin(), found.end());
}

std::string nearest_recipes(const std::string& name, const std::vector<std::string>& names) {
  const std::string wanted = without_ending(name);
  const std::string whole = did_you_mean(wanted, names);
  if (!whole.empty()) return whole;
  std::vector<std::string> last_parts;
  last_parts.reserve(names.size());
  for (const auto& candidate : names) last_parts.push_back(last_part(candidate));
  const auto similar = nearest(last_part(wanted), last_parts);
  std::string listed;
  for (const auto& candidate : names) {
    if (std::find(similar.begin(), similar.end(), last_part(candidate)) == similar.end()) continue;
    listed += (listed.empty() ? "" : ", ") + candidate;
  }
  return listed.empty() ? "" : "did you mean " + listed + "?";
}

fs::path find_recipe(const std::string& argument, const std::vector<fs::path>& folders) {
  if (is_file(argument)) return argument;
  for (const auto& folder : folders) {
    for (const std::string ending : {"", ".yaml", ".yml"}) {
      const fs::path file = folder / (argument + ending);
      if (!argument.empty() && is_file(file)) return file;
    }
  }
  std::vector<std::string> names;
  for (const auto& folder : folders) collect_recipes(folder, names);
  const std::string similar = nearest_recipes(argument, names);
  throw UserError("there is no recipe '" + argument + "', neither as a file nor among the shipped ones",
                  similar.empty() ? "`mlrun list recipes` shows the shipped ones" : similar);
}

}  // namespace mlrun::config
