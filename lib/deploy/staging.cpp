#include "deploy/staging.h"

#include <algorithm>
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
  draft_.make_folder();
}

void Staging::check_free(const std::vector<fs::path>& names) const {
  for (const auto& name : names) {
    const fs::path target = parent_ / name;
    if (!fs::exists(fs::symlink_status(target))) continue;
    if (fs::is_regular_file(target) && sha256_file(target) == sha256_file(folder() / name)) continue;
    throw file_error(target.string(), "exists already and is of another export",
                     "add --force to replace it, or choose another name");
  }
}

void Staging::check_regular(const fs::path& file) {
  const fs::file_status there = fs::symlink_status(file);
  if (!fs::exists(there) || fs::is_regular_file(there)) return;
  throw file_error(file.string(), fs::is_symlink(there) ? "is a symbolic link" : "is no regular file",
                   "name a file: an exported model is one of several that lie together");
}

std::vector<fs::path> Staging::publish(const std::vector<fs::path>& names) const {
  std::vector<fs::path> files;
  for (const auto& name : names) check_regular(parent_ / name);
  for (const auto& name : names) {
    std::error_code error;
    keep_mode(parent_ / name, folder() / name);
    fs::rename(folder() / name, parent_ / name, error);
    if (error) throw write_error(parent_ / name, "cannot be put in its place", error.value());
    files.push_back(parent_ / name);
  }
  sync_directory(parent_.empty() ? "." : parent_);
  return files;
}

void Staging::remove_others(const std::vector<fs::path>& names, const std::vector<fs::path>& kept) const {
  for (const auto& name : names) {
    const bool left = std::find(kept.begin(), kept.end(), name) == kept.end();
    std::error_code ignored;
    if (left && fs::is_regular_file(parent_ / name, ignored)) fs::remove(parent_ / name, ignored);
  }
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
