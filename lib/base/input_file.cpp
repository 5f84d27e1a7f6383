#include "base/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace mlrun {
namespace {

/// What stands there in place of a file; null for a file.
const char* other_kind(mode_t mode) {
  if (S_ISREG(mode)) return nullptr;
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISCHR(mode) || S_ISBLK(mode)) return "a device";
  return "a socket";
}

UserError kind_error(const std::filesystem::path& path, const char* kind) {
  return file_error(path.string(), std::string("is ") + kind + ", not a file", "save what it gives to a file");
}

}  // namespace

UserError read_error(const std::filesystem::path& path, int error) {
  const bool full = error == EMFILE || error == ENFILE;
  return file_error(path.string(), std::string("cannot be read: ") + std::strerror(error),
                    full ? "raise the limit of open files (ulimit -n)" : "");
}

InputFile::InputFile(std::filesystem::path path) : path_(std::move(path)) {
  // A pipe without a writer, or a device without its medium, would be waited for.
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (descriptor_ < 0 && (errno == ENXIO || errno == ENODEV)) throw kind_error(path_, "a socket or device");
  if (descriptor_ < 0) throw read_error(path_, errno);
  struct stat about {};
  int error = ::fstat(descriptor_, &about) == 0 ? 0 : errno;
  if (error == 0 && S_ISDIR(about.st_mode)) error = EISDIR;
  const char* kind = error == 0 ? other_kind(about.st_mode) : nullptr;
  if (error != 0 || kind != nullptr) {
    ::close(descriptor_);
    if (kind != nullptr) throw kind_error(path_, kind);
    throw read_error(path_, error);
  }
  size_ = static_cast<std::uint64_t>(about.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

std::size_t InputFile::read(char* bytes, std::size_t size) const {
  while (true) {
    const ssize_t got = ::read(descriptor_, bytes, size);
    if (got >= 0) return static_cast<std::size_t>(got);
    if (errno != EINTR) throw read_error(path_, errno);
  }
}

std::size_t InputFile::read_at(std::uint64_t at, char* bytes, std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::pread(descriptor_, bytes + done, size - done, static_cast<off_t>(at + done));
    if (got == 0) break;
    if (got < 0 && errno != EINTR) throw read_error(path_, errno);
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  return done;
}

std::string read_head(const std::filesystem::path& path, std::size_t size) {
  const InputFile file(path);
  std::string bytes(size, '\0');
  bytes.resize(file.read_at(0, bytes.data(), size));
  return bytes;
}

}  // namespace mlrun
