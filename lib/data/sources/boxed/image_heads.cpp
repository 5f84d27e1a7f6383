#include "data/sources/boxed/image_heads.h"

#include <system_error>

#include "base/files.h"
#include "base/input_file.h"
#include "base/threads.h"
#include "data/image/exif.h"
#include "data/image/head.h"
#include "data/parallel_for.h"

namespace mlrun::data {

namespace fs = std::filesystem;

FileHead read_file_head(const fs::path& path) {
  constexpr std::size_t kFirst = 4096, kMore = 1 << 17;
  FileHead head;
  std::error_code error;
  head.bytes = fs::file_size(path, error);
  head.absent = bool(error);
  if (head.absent) return head;
  std::string bytes;
  for (const std::size_t size : {kFirst, kMore, static_cast<std::size_t>(head.bytes)}) {
    if (bytes.size() == head.bytes && head.bytes > 0) break;
    bytes = read_head(path, size);
    const ImageHead found = read_image_head(bytes);
    head.height = found.height;
    head.width = found.width;
    if (found.width > 0) break;
  }
  head.orientation = exif_orientation(bytes);
  return head;
}

std::vector<FileHead> read_heads(const fs::path& root, const std::vector<BoxedImage>& images) {
  std::vector<FileHead> heads(images.size());
  parallel_for(static_cast<std::int64_t>(images.size()), available_processors(), [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    heads[at] = read_file_head(root / images[at].path);
  });
  return heads;
}

}  // namespace mlrun::data
