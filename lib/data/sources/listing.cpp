#include "data/sources/listing.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>
#include <utility>

#include "base/error.h"
#include "base/files.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// The entries of `folder` without the hidden ones.
std::vector<fs::directory_entry> visible_entries(const fs::path& folder) {
  std::vector<fs::directory_entry> entries;
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  while (!error && entry != fs::directory_iterator()) {
    if (!is_quiet_name(entry->path().filename().string())) entries.push_back(*entry);
    entry.increment(error);
  }
  if (error) throw file_error(folder.string(), "the folder cannot be read: " + error.message());
  return entries;
}

/// Their names, sorted.
std::vector<std::string> visible_names(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : visible_entries(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

class Walk {
 public:
  Walk(const fs::path& root, const std::function<bool(const std::string&)>& wanted, bool dangling,
       const std::function<void(const std::string&)>& before_reading, LeftOut* left_out)
      : root_(root), wanted_(wanted), dangling_(dangling), before_reading_(before_reading), left_out_(left_out) {}

  void folder(const std::string& relative) {
    struct stat about {};
    const fs::path path = root_ / relative;
    if (::stat(path.c_str(), &about) != 0) {
      const std::string reason = std::error_code(errno, std::generic_category()).message();
      throw file_error(path.string(), "the folder cannot be read: " + reason);
    }
    if (!seen_.insert({about.st_dev, about.st_ino}).second) return;
    if (before_reading_) before_reading_(relative);
    const std::string prefix = relative.empty() ? "" : relative + "/";
    for (const auto& name : visible_names(path)) entry(prefix + name, name);
  }

  std::vector<ListedFile> take() {
    std::sort(found_.begin(), found_.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(found_);
  }

 private:
  void entry(const std::string& relative, const std::string& name) {
    struct stat about {};
    const fs::path path = root_ / relative;
    if (::stat(path.c_str(), &about) != 0) {
      if (!wanted_(name)) return;
      if (dangling_) {
        found_.push_back({relative, 0});
        return;
      }
      const std::string reason = std::error_code(errno, std::generic_category()).message();
      throw file_error(path.string(), "the file cannot be read: " + reason, "mend or remove it");
    }
    if (S_ISDIR(about.st_mode)) {
      folder(relative);
    } else if (S_ISREG(about.st_mode) && wanted_(name)) {
      found_.push_back({relative, static_cast<std::uint64_t>(about.st_size)});
    } else if (left_out_ != nullptr) {
      left_out_->add(relative);
    }
  }

  const fs::path& root_;
  const std::function<bool(const std::string&)>& wanted_;
  bool dangling_;
  const std::function<void(const std::string&)>& before_reading_;
  LeftOut* left_out_;
  std::set<std::pair<dev_t, ino_t>> seen_;  // folders, so that links which lead back end somewhere
  std::vector<ListedFile> found_;
};

}  // namespace

std::string fingerprint(std::vector<ListedFile> files) {
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  std::string text;
  for (const auto& file : files) text += file.path + '\0' + std::to_string(file.size) + '\n';
  return sha256(text.data(), text.size());
}

std::string data_name(const fs::path& root) {
  fs::path path = fs::absolute(root).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().string();
}

std::string first_there(const fs::path& root, const std::vector<std::string>& paths) {
  const auto there = [&](const std::string& path) {
    std::error_code ignored;
    return fs::exists(root / path, ignored);
  };
  const auto found = std::find_if(paths.begin(), paths.end(), there);
  return found == paths.end() ? paths.front() : *found;
}

void check_root(const fs::path& root) {
  Problem problem;
  problem.key = "data.root";
  problem.hint = "name the folder that holds the data set";
  std::error_code error;
  if (root.empty()) {
    problem.message = "is not set";
  } else if (!fs::exists(root, error)) {
    problem.message = "there is no folder '" + root.string() + "'";
  } else if (!fs::is_directory(root, error)) {
    problem.message = "'" + root.string() + "' is not a folder";
  } else {
    return;
  }
  throw UserError(problem);
}

std::vector<std::string> sub_folders(const fs::path& folder) {
  std::vector<std::string> folders;
  std::error_code ignored;
  for (const auto& entry : visible_entries(folder)) {
    if (entry.is_directory(ignored)) folders.push_back(entry.path().filename().string());
  }
  std::sort(folders.begin(), folders.end());
  return folders;
}

LeftOut loose_images(const fs::path& folder) {
  LeftOut loose;
  std::error_code ignored;
  for (const auto& entry : visible_entries(folder)) {
    if (entry.is_directory(ignored)) continue;
    LeftOut one;
    one.add(entry.path().filename().string());
    if (one.has_images()) loose.add(one);
  }
  return loose;
}

std::vector<ListedFile> list_files(const fs::path& root, const std::string& folder,
                                   const std::function<bool(const std::string&)>& wanted, bool dangling,
                                   const std::function<void(const std::string&)>& before_reading, LeftOut* left_out) {
  Walk walk(root, wanted, dangling, before_reading, left_out);
  walk.folder(folder);
  return walk.take();
}

std::vector<ListedFile> list_images(const fs::path& root, const std::string& folder, bool dangling,
                                    const std::function<void(const std::string&)>& before_reading, LeftOut* left_out) {
  return list_files(root, folder, is_image_name, dangling, before_reading, left_out);
}

}  // namespace mlrun::data
