#include "deploy/staging.h"

#include <string>

#include "base/files.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;

namespace {

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
}

}  // namespace

Staging::Staging(const fs::path& target) : parent_(target.parent_path()), draft_(target) {
  if (!parent_.empty() && !fs::is_directory(parent_))
    throw file_error(parent_.string(), "is no folder", "make it first");
  try {
    remove_tree(folder());
    make_directories(folder());
  } catch (const UserError& error) {
    throw shown(error);
  }
}

std::vector<fs::path> Staging::taken(const std::vector<fs::path>& names) const {
  std::vector<fs::path> found;
  for (const auto& name : names) {
    const fs::path target = parent_ / name;
    if (!fs::exists(fs::symlink_status(target))) continue;
    if (fs::is_regular_file(target) && sha256_file(target) == sha256_file(folder() / name)) continue;
    found.push_back(target);
  }
  return found;
}

void Staging::check_free(const std::vector<fs::path>& names) const {
  const auto found = taken(names);
  if (found.empty()) return;
  throw file_error(found.front().string(), "exists already and is of another export",
                   "add --force to replace it, or export into a folder of its own");
}

std::vector<fs::path> Staging::publish(const std::vector<fs::path>& names) const {
  std::vector<fs::path> files;
  for (const auto& name : names) {
    std::error_code error;
    fs::rename(folder() / name, parent_ / name, error);
    if (error) throw write_error(parent_ / name, "cannot be put in its place", error.value());
    files.push_back(parent_ / name);
  }
  sync_directory(parent_.empty() ? "." : parent_);
  return files;
}

UserError Staging::shown(const UserError& error) const {
  const std::string hidden = folder().string(), place = parent_.empty() ? "." : parent_.string();
  std::vector<Problem> problems = error.problems();
  for (auto& problem : problems) {
    for (std::string* text : {&problem.file, &problem.message}) {
      replace_all(*text, hidden + "/", parent_.empty() ? "" : place + "/");
      replace_all(*text, hidden, place);
    }
  }
  return UserError(std::move(problems), error.code());
}

}  // namespace mlrun::deploy
