#include "base/output_place.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <string>

#include "base/files.h"

namespace mlrun {
namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // the kernel's own limit

/// Whether the links in this folder are the kernel's (/proc/self/fd): what they say is no path that could be followed.
bool is_proc(const fs::path& folder) {
  struct statfs about = {};
  return ::statfs(folder.c_str(), &about) == 0 && about.f_type == PROC_SUPER_MAGIC;
}

/// The number of the open descriptor that `path` stands for: /proc/self/fd/1, to which /dev/stdout leads.
std::optional<int> own_descriptor(const fs::path& path) {
  std::error_code error;
  const fs::path own = fs::canonical("/proc/self/fd", error);
  if (error || fs::canonical(folder_of(path), error) != own || error) return std::nullopt;
  const std::string name = path.filename().string();
  if (name.empty() || name.size() > 9) return std::nullopt;
  if (!std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) return std::nullopt;
  return std::stoi(name);
}

/// The kernel's rule `protected_symlinks`, which holds only where it opens files itself.
void refuse_planted(const fs::path& target, const fs::path& link, uid_t owner) {
  struct stat folder = {};
  if (::stat(folder_of(link).c_str(), &folder) != 0) return;
  const bool shared = (folder.st_mode & S_ISVTX) != 0 && (folder.st_mode & S_IWOTH) != 0;
  if (!shared || owner == ::geteuid() || owner == folder.st_uid) return;
  throw file_error(target.string(), "is a symbolic link of another user in a folder where all may write",
                   "name the file that it leads to, or another one");
}

}  // namespace

UserError not_ours(const fs::path& path) {
  return file_error(path.string(), "is a link or no file, through which mlrun does not write", "remove it");
}

OutputPlace output_place(const fs::path& target, Links links) {
  fs::path path = target;
  if (links == Links::Refuse) {
    struct stat about = {};
    if (::lstat(path.c_str(), &about) == 0 && !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)) throw not_ours(path);
    return {path, false};
  }
  for (int links = 0; links <= kMostLinks; ++links) {
    struct stat about = {};
    if (::lstat(path.c_str(), &about) != 0) return {path, false};
    if (!S_ISLNK(about.st_mode)) return {path, !S_ISREG(about.st_mode) && !S_ISDIR(about.st_mode)};
    if (is_proc(folder_of(path))) return {path, true};
    refuse_planted(target, path, about.st_uid);
    std::error_code error;
    const fs::path next = fs::read_symlink(path, error);
    if (error) throw write_error(target, "cannot be written", error.value());
    path = path.parent_path() / next;
  }
  throw write_error(target, "cannot be written", ELOOP);
}

bool replaces(const fs::path& target) {
  const OutputPlace place = output_place(target);
  std::error_code unreadable;
  return !place.through && fs::exists(place.path, unreadable);
}

int open_through(const OutputPlace& place, const fs::path& target) {
  const auto own = own_descriptor(place.path);
  if (own) std::fflush(stdout);  // what was printed before comes first
  const int descriptor =
      own ? ::fcntl(*own, F_DUPFD_CLOEXEC, 0) : ::open(place.path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (descriptor < 0) throw write_error(target, "cannot be written", errno);
  return descriptor;
}

}  // namespace mlrun
