#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "config/recipe.h"
#include "data/file_cache.h"
#include "data/sources/listing.h"
#include "data/sources/source.h"

namespace mlrun::data {

/// Image files of a data set, each with its label. A sample's id is its file's path.
struct ImageFiles {
  std::filesystem::path root;  ///< what the paths are relative to
  std::vector<ListedFile> files;
  std::vector<std::int64_t> labels;
  std::vector<std::string> groups;  ///< one for each file, or none at all
  bool apply_exif = false;
  std::shared_ptr<FileCache> cache;  ///< of the bytes read; null: none
};

/// The files at `positions`. Images are uint8 [H, W, 3], decoded when asked for. UserError where a file cannot be
/// decoded or has another size than when it was listed.
std::shared_ptr<const Source> make_image_source(std::shared_ptr<const ImageFiles> files,
                                                std::vector<std::int64_t> positions);

/// All files in their order.
std::shared_ptr<const Source> make_image_source(std::shared_ptr<const ImageFiles> files);

}  // namespace mlrun::data
