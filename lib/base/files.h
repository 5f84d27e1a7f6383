#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/error.h"
#include "base/output_place.h"

namespace mlrun {

/// The UserError of a write to `path` that failed with `error` (an errno): `path: what: reason; remedy`.
UserError write_error(const std::filesystem::path& path, const std::string& what, int error);

/// Where a file or folder of this name lies: `.` for a name alone.
std::filesystem::path folder_of(const std::filesystem::path& path);

/// Writes a file whole or not at all: a hidden name in the same folder, fsync, rename, fsync of the
/// folder. A file that it replaces leaves it its mode. Destroyed without `commit`, it leaves nothing
/// behind. A symbolic link stays and what it leads to is written, or it is refused; what is no regular
/// file (/dev/stdout, a pipe) is written into as it comes, or refused. Failures are UserErrors that name
/// the file and the reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path target, Links links = Links::Follow);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, std::size_t size);
  void write(std::string_view text) { write(text.data(), text.size()); }
  void commit();

 private:
  [[noreturn]] void fail(const char* what, int error);
  void sync();

  std::filesystem::path target_;     // as it was named
  std::filesystem::path place_;      // where it lies, links followed
  std::filesystem::path temporary_;  // empty: written into the place itself
  int descriptor_ = -1;
};

/// Writes `text` to `path` atomically.
void write_file(const std::filesystem::path& path, std::string_view text, Links links = Links::Follow);

/// Gives the file that is open as `made` the mode of the one at `replaced`, and its owner as far as this user may;
/// nothing where there is no file.
void keep_mode(const std::filesystem::path& replaced, int made);
/// The same for a file that is closed.
void keep_mode(const std::filesystem::path& replaced, const std::filesystem::path& made);

/// Opens a file that stays and grows, as logs and locks do, and makes it where it is absent; -1 with errno where that
/// fails. Links and pipes, which others may have put there, are UserErrors.
int open_lasting(const std::filesystem::path& path, int flags);

/// Appends `text` to `path` with one write call, through no link.
void append_file(const std::filesystem::path& path, std::string_view text);

/// A new file that grows: whatever becomes of its name, all goes to the file that was made.
class GrowingFile {
 public:
  /// UserError where something has this name.
  explicit GrowingFile(std::filesystem::path path);
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// One write call.
  void append(std::string_view text);

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// The whole file. UserError when it is no regular file, cannot be read or is larger than `limit` bytes.
std::string read_file(const std::filesystem::path& path, std::uint64_t limit = std::uint64_t{1} << 30);

/// Makes a folder and its parents; UserError with the reason otherwise.
void make_directories(const std::filesystem::path& path);

/// fsync of a folder, so that renames inside it survive a crash. UserError where the disk refuses; a
/// file system that cannot sync folders is no error.
void sync_directory(const std::filesystem::path& path);

/// SHA-256 as 64 hexadecimal digits.
std::string sha256(const void* bytes, std::size_t size);
std::string sha256_file(const std::filesystem::path& path);

/// Inflates gzip (also plain) content; UserError that names `path` when it is damaged or expands
/// beyond `limit` bytes.
std::string read_gzip(const std::filesystem::path& path, std::uint64_t limit);

/// The first `size` bytes of what `read_gzip` gives, fewer where it ends earlier.
std::string read_gzip_head(const std::filesystem::path& path, std::size_t size);

}  // namespace mlrun
