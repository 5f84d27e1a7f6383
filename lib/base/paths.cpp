#include "base/paths.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <system_error>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/temporary.h"

namespace mlrun {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const fs::path& path, const char* what, int error) { throw write_error(path, what, error); }

/// Exchanges two names at once. False where the system cannot.
bool exchange(const fs::path& a, const fs::path& b) {
  return ::renameat2(AT_FDCWD, a.c_str(), AT_FDCWD, b.c_str(), RENAME_EXCHANGE) == 0;
}

void copy_into(const fs::path& from, const fs::path& target) {
  std::ifstream source(from, std::ios::binary);
  if (!source) fail(target, "cannot be written", errno);
  AtomicFile into(target);
  std::vector<char> buffer(1 << 20);
  while (source.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || source.gcount() > 0) {
    into.write(buffer.data(), static_cast<std::size_t>(source.gcount()));
  }
  if (source.bad()) fail(target, "cannot be written", errno);
  into.commit();
}

}  // namespace

bool is_file_name(std::string_view name) {
  constexpr std::string_view kUnfit("/\0", 2);
  return !name.empty() && name != "." && name != ".." && name.find_first_of(kUnfit) == std::string_view::npos;
}

void remove_tree(const fs::path& path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error) fail(path, "cannot be removed", error.value());
}

void discard(const fs::path& path) {
  if (!hidden_target(path.filename().string()).empty()) return remove_tree(path);
  const fs::path hidden = hidden_beside(path);
  if (std::rename(path.c_str(), hidden.c_str()) == 0) return remove_tree(hidden);
  if (errno != ENOENT) fail(path, "cannot be removed", errno);
}

void replace_folder(const fs::path& from, const fs::path& to) {
  std::error_code absent;
  if (fs::exists(to, absent)) {
    if (exchange(from, to)) {
      sync_directory(folder_of(to));
      return discard(from);
    }
    discard(to);
  }
  if (std::rename(from.c_str(), to.c_str()) != 0) fail(to, "cannot be put in place", errno);
  sync_directory(folder_of(to));
}

Draft::Draft(const fs::path& target, Links links) : target_(target), place_(output_place(target, links)) {
  const fs::path beside = place_.through ? fs::temp_directory_path() / place_.path.filename() : place_.path;
  remove_leftovers_of(beside);
  path_ = hidden_beside(beside);
}

Draft::~Draft() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

Draft::Draft(Draft&& other) noexcept
    : target_(std::move(other.target_)), place_(std::move(other.place_)), path_(std::exchange(other.path_, {})) {}

void Draft::make_folder() const {
  if (::mkdir(path_.c_str(), 0777) != 0) fail(target_, "cannot be created", errno);
}

void Draft::publish() {
  if (place_.through) return copy_into(path_, target_);
  if (fs::is_directory(path_)) sync_directory(path_);
  else keep_mode(place_.path, path_);
  if (std::rename(path_.c_str(), place_.path.c_str()) != 0) fail(target_, "cannot be put in place", errno);
  path_.clear();
  sync_directory(folder_of(place_.path));
}

void Draft::publish_folder() {
  sync_directory(path_);
  replace_folder(path_, place_.path);
  path_.clear();
}

void replace_link(const fs::path& folder, const std::string& name, const std::string& target) {
  const fs::path unfinished = hidden_beside(folder / name);
  std::error_code error;
  fs::create_directory_symlink(target, unfinished, error);
  if (error) fail(folder / name, "cannot be made a link", error.value());
  if (std::rename(unfinished.c_str(), (folder / name).c_str()) != 0) {
    const int reason = errno;
    fs::remove(unfinished, error);
    fail(folder / name, "cannot be put in place", reason);
  }
  sync_directory(folder);
}

std::uint64_t free_bytes(const fs::path& path) {
  struct statvfs about = {};
  if (::statvfs(path.c_str(), &about) != 0 || about.f_blocks == 0) return UINT64_MAX;
  return static_cast<std::uint64_t>(about.f_bavail) * about.f_frsize;
}

}  // namespace mlrun
