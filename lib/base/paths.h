#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/output_place.h"

/// What is done to whole folders and links. Failures are UserErrors that name the path and the reason.
namespace mlrun {

/// Whether `name` names something in a folder itself: not empty, without `/` and a zero byte, neither `.` nor `..`.
bool is_file_name(std::string_view name);

/// Removes a file or a folder with all that is in it; nothing where there is none.
void remove_tree(const std::filesystem::path& path);

/// The same for what must not be seen in parts: it takes a hidden name first.
void discard(const std::filesystem::path& path);

/// Puts the folder `from` in the place of `to`. Where `to` exists, it is there, old or new, at every
/// moment (on file systems that can exchange two names), and discarded afterwards.
void replace_folder(const std::filesystem::path& from, const std::filesystem::path& to);

/// A file or folder under its hidden name, made by whoever asks for it. It goes when this does, unless it was
/// published. Links and what is no regular file are targets as they are for AtomicFile. What killed processes left
/// under such names of the same target goes first.
class Draft {
 public:
  explicit Draft(const std::filesystem::path& target, Links links = Links::Follow);
  ~Draft();
  Draft(Draft&& other) noexcept;
  Draft& operator=(Draft&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Makes it a folder, an empty one.
  void make_folder() const;
  /// Renames it to the target, to which a file there leaves its mode, or writes its bytes into a target that is no
  /// regular file.
  void publish();
  /// The same for a folder that may replace another.
  void publish_folder();

 private:
  std::filesystem::path target_;  // as it was named
  OutputPlace place_;
  std::filesystem::path path_;
};

/// Points the symlink `folder/name` at `target`, relative to `folder`, atomically.
void replace_link(const std::filesystem::path& folder, const std::string& name, const std::string& target);

/// Bytes that this user can still write to the file system of the folder `path`; UINT64_MAX where
/// it does not say.
std::uint64_t free_bytes(const std::filesystem::path& path);

}  // namespace mlrun
