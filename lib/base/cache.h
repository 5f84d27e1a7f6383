#pragma once

#include <filesystem>

namespace mlrun {

/// Where this user's caches lie: `$XDG_CACHE_HOME/mlrun`, else `$HOME/.cache/mlrun`; empty where
/// neither variable holds an absolute path. The folder need not exist.
std::filesystem::path cache_folder();

/// One process at a time, also on several machines that share the folder: waits for the lock of
/// `path`, a file that it makes and that stays. UserError where it cannot be made.
class FileLock {
 public:
  explicit FileLock(const std::filesystem::path& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace mlrun
