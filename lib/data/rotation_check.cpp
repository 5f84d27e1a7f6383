#include "data/rotation_check.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/input_file.h"
#include "base/log.h"
#include "data/image/exif.h"

namespace mlrun::data {
namespace {

/// Cameras write the orientation into the first of a JPEG's segments, which have 64 KiB at most.
constexpr std::size_t kHeadBytes = 72 * 1024;
/// WebP has it behind the pixels.
constexpr std::size_t kWholeBytes = 16 * 1024 * 1024;

/// The first bytes of a file; empty where it cannot be read.
std::string file_head(const std::filesystem::path& file) {
  try {
    std::string bytes = read_head(file, kHeadBytes);
    const bool webp = bytes.size() == kHeadBytes && bytes.compare(8, 4, "WEBP") == 0;
    return webp ? read_head(file, kHeadBytes + kWholeBytes) : bytes;
  } catch (const UserError&) {
    return "";
  }
}

}  // namespace

Rotations count_rotations(const Source& source, std::int64_t most) {
  Rotations found;
  const std::int64_t size = source.size(), count = std::min(size, most);
  for (std::int64_t i = 0; i < count; ++i) {
    // Without i * size, which could overflow.
    const std::int64_t index = i * (size / count) + i * (size % count) / count;
    std::filesystem::path file;
    try {
      file = source.facts(index).file;
    } catch (const UserError&) {
      continue;
    }
    if (file.empty()) break;  // neither has any other
    const std::string head = file_head(file);
    if (head.empty()) continue;
    ++found.inspected;
    if (exif_orientation(head) != 1) ++found.rotated;
  }
  return found;
}

void warn_of_ignored_rotations(const Source& source) {
  const Rotations found = count_rotations(source);
  if (found.rotated == 0) return;
  log::warning(std::to_string(found.rotated) + " of " + std::to_string(found.inspected) +
               " images looked at carry an EXIF rotation, which is ignored: the model sees them turned as they are "
               "stored; set data.exif: apply to turn them as their camera says");
}

}  // namespace mlrun::data
