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

/// Removes the hidden `.*.tmp` that writers which were killed left in `folder` itself; nothing where
/// there is no such folder. Only for who alone writes there.
void remove_unfinished(const std::filesystem::path& folder);

/// Puts the folder `from` in the place of `to`. Where `to` exists, it is there, old or new, at every
/// moment (on file systems that can exchange two names).
void replace_folder(const std::filesystem::path& from, const std::filesystem::path& to);

/// The hidden name `.NAME.TAG.PID.tmp` beside `target` under which that is made before it is shown.
std::filesystem::path hidden_beside(const std::filesystem::path& target, const std::string& tag = "");

/// A file or folder under its hidden name, made by whoever asks for it. It goes when this does, unless it was
/// published. Links and what is no regular file are targets as they are for AtomicFile.
class Draft {
 public:
  explicit Draft(const std::filesystem::path& target, const std::string& tag = "");
  ~Draft();
  Draft(Draft&& other) noexcept;
  Draft& operator=(Draft&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// Renames it to the target, or writes its bytes into a target that is no regular file.
  void publish();

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
