#pragma once

#include <filesystem>

namespace mlrun {

/// Where the bytes of an output go.
struct OutputPlace {
  std::filesystem::path path;  ///< symbolic links followed
  bool through = false;        ///< it is no regular file (a device, a pipe, an open descriptor): written into, kept
};

/// Where an output named `target` belongs: what a symbolic link leads to, so that the link itself stays. UserError
/// where links go in circles, and for a link that another user put into a folder where all may write (/tmp).
OutputPlace output_place(const std::filesystem::path& target);

/// True where writing `target` would replace what lies there, links followed.
bool replaces(const std::filesystem::path& target);

/// A descriptor into which the bytes of a place that is `through` are written; errno's error names `target`.
int open_through(const OutputPlace& place, const std::filesystem::path& target);

}  // namespace mlrun
