#include "base/cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/files.h"

namespace mlrun {
namespace {

namespace fs = std::filesystem;

/// The variable's value where it is an absolute path, as the XDG specification asks; else empty.
fs::path absolute_variable(const char* name) {
  const char* value = std::getenv(name);
  const fs::path path = value == nullptr ? "" : value;
  return path.is_absolute() ? path : fs::path();
}

}  // namespace

fs::path cache_folder() {
  const fs::path chosen = absolute_variable("XDG_CACHE_HOME");
  if (!chosen.empty()) return chosen / "mlrun";
  const fs::path home = absolute_variable("HOME");
  return home.empty() ? home : home / ".cache" / "mlrun";
}

FileLock::FileLock(const fs::path& path) {
  descriptor_ = open_lasting(path, O_RDWR);
  if (descriptor_ < 0) throw write_error(path, "cannot be made", errno);
  while (::flock(descriptor_, LOCK_EX) != 0) {
    if (errno == EINTR) continue;
    const int error = errno;
    ::close(descriptor_);
    throw write_error(path, "cannot be locked", error);
  }
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace mlrun
