#include "base/files.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <new>

#include "base/error.h"
#include "base/input_file.h"
#include "base/output_place.h"
#include "base/temporary.h"

namespace mlrun {
namespace {

std::string writing_hint(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return "free some space or choose another folder with --out";
    case EACCES:
    case EPERM:
    case EROFS: return "make the folder writable or choose another one with --out";
    case EFBIG: return "raise the file size limit (ulimit -f)";
    case EMFILE: return "raise the limit of open files (ulimit -n)";
    default: return "";
  }
}

/// Writes all bytes, going on after short writes; returns errno, or 0.
int write_all(int descriptor, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(descriptor, bytes, size);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
  return 0;
}

class Digest {
 public:
  Digest() : context_(EVP_MD_CTX_new(), &EVP_MD_CTX_free) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void add(const void* bytes, std::size_t size) { EVP_DigestUpdate(context_.get(), bytes, size); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), raw.data(), &size);
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
      text += "0123456789abcdef"[raw[i] >> 4];
      text += "0123456789abcdef"[raw[i] & 15];
    }
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

UserError write_error(const std::filesystem::path& path, const std::string& what, int error) {
  return file_error(path.string(), what + ": " + std::strerror(error), writing_hint(error));
}

void keep_mode(const std::filesystem::path& replaced, int made) {
  struct stat before = {};
  struct stat now = {};
  if (::lstat(replaced.c_str(), &before) != 0 || !S_ISREG(before.st_mode) || ::fstat(made, &now) != 0) return;
  const bool other_owner = before.st_uid != now.st_uid || before.st_gid != now.st_gid;
  // Who may not give it away keeps it, and a file system without modes keeps its own.
  if (other_owner && ::fchown(made, before.st_uid, before.st_gid) != 0) errno = 0;
  if (::fchmod(made, before.st_mode & 0777U) != 0) errno = 0;
}

void keep_mode(const std::filesystem::path& replaced, const std::filesystem::path& made) {
  const int descriptor = ::open(made.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (descriptor < 0) return;
  keep_mode(replaced, descriptor);
  ::close(descriptor);
}

AtomicFile::AtomicFile(std::filesystem::path target, Links links) : target_(std::move(target)) {
  const OutputPlace place = output_place(target_, links);
  place_ = place.path;
  if (place.through) {
    descriptor_ = open_through(place, target_);
    return;
  }
  std::error_code unreadable;
  const bool replaces = std::filesystem::exists(place_, unreadable);
  descriptor_ = make_hidden_file(place_, replaces ? 0600 : 0666, temporary_);
  if (descriptor_ < 0) fail("cannot be written", errno);
  if (replaces) keep_mode(place_, descriptor_);
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* what, int error) { throw write_error(target_, what, error); }

void AtomicFile::write(const void* bytes, std::size_t size) {
  if (const int error = write_all(descriptor_, static_cast<const char*>(bytes), size)) fail("cannot be written", error);
}

/// Pipes and terminals have nothing to sync.
void AtomicFile::sync() {
  if (::fsync(descriptor_) == 0) return;
  if (temporary_.empty() && (errno == EINVAL || errno == ENOTSUP || errno == EROFS)) return;
  fail("cannot be written", errno);
}

void AtomicFile::commit() {
  sync();
  if (!temporary_.empty() && ::rename(temporary_.c_str(), place_.c_str()) != 0) fail("cannot be put in place", errno);
  ::close(descriptor_);
  descriptor_ = -1;
  if (!temporary_.empty()) sync_directory(folder_of(place_));
}

void write_file(const std::filesystem::path& path, std::string_view text, Links links) {
  AtomicFile file(path, links);
  file.write(text);
  file.commit();
}

int open_lasting(const std::filesystem::path& path, int flags) {
  // O_NONBLOCK: a pipe that nobody reads would be waited for.
  constexpr int kOwn = O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
  const int descriptor = ::open(path.c_str(), flags | kOwn, 0666);
  struct stat about = {};
  if (descriptor < 0 && errno != ELOOP && errno != ENXIO) return -1;
  if (descriptor >= 0 && ::fstat(descriptor, &about) == 0 && (S_ISREG(about.st_mode) || S_ISCHR(about.st_mode))) {
    return descriptor;
  }
  if (descriptor >= 0) ::close(descriptor);
  throw not_ours(path);
}

void append_file(const std::filesystem::path& path, std::string_view text) {
  const int descriptor = open_lasting(path, O_WRONLY | O_APPEND);
  if (descriptor < 0) throw write_error(path, "cannot be written", errno);
  const int error = write_all(descriptor, text.data(), text.size());
  ::close(descriptor);
  if (error != 0) throw write_error(path, "cannot be written", error);
}

GrowingFile::GrowingFile(std::filesystem::path path) : path_(std::move(path)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
  if (descriptor_ < 0) throw write_error(path_, "cannot be written", errno);
}

GrowingFile::~GrowingFile() { ::close(descriptor_); }

void GrowingFile::append(std::string_view text) {
  const int error = write_all(descriptor_, text.data(), text.size());
  if (error != 0) throw write_error(path_, "cannot be written", error);
}

std::string read_file(const std::filesystem::path& path, std::uint64_t limit) {
  const InputFile file(path);
  const auto refuse = [&] {
    return file_error(path.string(), "is larger than the " + std::to_string(limit) + " bytes allowed here");
  };
  if (file.size() > limit) throw refuse();
  std::string content;
  content.reserve(static_cast<std::size_t>(file.size()));
  std::array<char, 1 << 16> buffer;
  while (const std::size_t got = file.read(buffer.data(), buffer.size())) {
    content.append(buffer.data(), got);
    if (content.size() > limit) throw refuse();  // it grows, or the system makes it up
  }
  return content;
}

void make_directories(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) throw write_error(path, "cannot be created", error.value());
}

void sync_directory(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0 && errno == EACCES) return;  // a folder that may be written and not listed
  if (descriptor < 0) throw write_error(path, "cannot be synced", errno);
  const int error = ::fsync(descriptor) == 0 ? 0 : errno;
  ::close(descriptor);
  if (error != 0 && error != EINVAL && error != ENOTSUP) throw write_error(path, "cannot be synced", error);
}

std::string sha256(const void* bytes, std::size_t size) {
  Digest digest;
  digest.add(bytes, size);
  return digest.hex();
}

std::string sha256_file(const std::filesystem::path& path) {
  const InputFile file(path);
  Digest digest;
  std::array<char, 1 << 16> buffer;
  while (const std::size_t got = file.read(buffer.data(), buffer.size())) digest.add(buffer.data(), got);
  return digest.hex();
}

namespace {

/// The first `most` bytes of gzip (also plain) content, fewer where it ends earlier.
std::string inflate(const std::filesystem::path& path, std::uint64_t most) {
  const InputFile input(path);
  const int descriptor = ::fcntl(input.descriptor(), F_DUPFD_CLOEXEC, 0);  // gzclose closes it
  if (descriptor < 0) throw read_error(path, errno);
  const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzdopen(descriptor, "rb"), &gzclose);
  if (!file) throw std::bad_alloc();
  std::string content;
  std::array<char, 1 << 16> buffer;
  while (content.size() < most) {
    const auto wanted = static_cast<unsigned>(std::min<std::uint64_t>(buffer.size(), most - content.size()));
    const int got = gzread(file.get(), buffer.data(), wanted);
    int error = Z_OK;
    const char* message = gzerror(file.get(), &error);
    // An early end must be asked for now: zlib 1.3.2 forgets it with the next read.
    if (got < 0 || error == Z_BUF_ERROR) {
      const std::string reason = error == Z_BUF_ERROR ? "it ends too early" : message;
      throw file_error(path.string(), "is damaged: " + reason, "fetch it again");
    }
    if (got == 0) break;
    content.append(buffer.data(), static_cast<std::size_t>(got));
  }
  return content;
}

}  // namespace

std::string read_gzip(const std::filesystem::path& path, std::uint64_t limit) {
  std::string content = inflate(path, limit == UINT64_MAX ? limit : limit + 1);
  if (content.size() <= limit) return content;
  throw file_error(path.string(), "expands to more than the " + std::to_string(limit) + " bytes expected");
}

std::string read_gzip_head(const std::filesystem::path& path, std::size_t size) { return inflate(path, size); }

}  // namespace mlrun
