#pragma once

#include <filesystem>

#include "base/error.h"

namespace mlrun {

/// Where the bytes of an output go.
struct OutputPlace {
  std::filesystem::path path;  ///< symbolic links followed
  bool through = false;        ///< it is no regular file (a device, a pipe, an open descriptor): written into, kept
};

/// What becomes of a symbolic link where a file is written.
enum class Links {
  Follow,  ///< outputs that the user names
  Refuse   ///< what is mlrun's own, as the files of a run: nobody but a stranger puts a link there
};

/// The UserError of a link, pipe or the like in the place of a file of mlrun's own.
UserError not_ours(const std::filesystem::path& path);

/// Where an output named `target` belongs: what a symbolic link leads to, so that the link itself stays. UserError
/// where links go in circles, and for a link that another user put into a folder where all may write (/tmp). With
/// Links::Refuse the target itself, which must not be anything but a file or folder.
OutputPlace output_place(const std::filesystem::path& target, Links links = Links::Follow);

/// True where writing `target` would replace what lies there, links followed.
bool replaces(const std::filesystem::path& target);

/// A descriptor into which the bytes of a place that is `through` are written; errno's error names `target`.
int open_through(const OutputPlace& place, const std::filesystem::path& target);

}  // namespace mlrun
