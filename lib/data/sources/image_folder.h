#pragma once

#include <memory>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

/// Opens `root/<class>/**/image` or, where the root holds nothing but `train` with `val` or `test`,
/// those folders of classes. Classes are the folders' names in code point order; a sample's id is
/// its path relative to the root. Shares divide the training images; without any, all images of a
/// root without splits are `train`. Images are uint8 [H, W, 3], decoded when asked for. UserError
/// for a root without classes, a class without images, and a class that `train` lacks.
std::shared_ptr<const Dataset> open_image_folder(const config::NoOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
