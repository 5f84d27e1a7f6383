#pragma once

#include <memory>
#include <string>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct ImageFolderOptions {
  std::string folders = "auto";
  static void declare(config::Declare<ImageFolderOptions>& d);
};

/// Opens `root/<class>/**/image` or, where the root's folders are named as splits (`split_named`) and one of them is
/// train, those folders of classes. Classes are the folders' names in code point order; a sample's id is
/// its path relative to the root. Shares divide the training images; without any, all images of a
/// root without splits are `train`. Images are uint8 [H, W, 3], decoded when asked for. What is left out is told: files
/// of other kinds, images in no class's folder, a test split without class folders, folders beside the splits.
/// UserError for a root without classes, a class without images, a class that `train` lacks, names that cannot be kept,
/// and folders that all hold the same folders and are not named as splits.
std::shared_ptr<const Dataset> open_image_folder(const ImageFolderOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
