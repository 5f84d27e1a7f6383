#pragma once

#include <cstdint>

#include "data/sources/source.h"

namespace mlrun::data {

struct Rotations {
  std::int64_t inspected = 0;  ///< image files whose head was read
  std::int64_t rotated = 0;    ///< of these, with an EXIF orientation other than upright
};

/// Looks at the heads of at most `most` files of a source, spread evenly over it. Sources whose
/// samples have no files of their own have none to inspect, and files that cannot be read are left
/// to whoever needs them.
Rotations count_rotations(const Source& source, std::int64_t most = 256);

/// Warns where images of `source` carry a rotation that `data.exif: ignore` ignores.
void warn_of_ignored_rotations(const Source& source);

}  // namespace mlrun::data
