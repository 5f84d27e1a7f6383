#pragma once

#include <filesystem>
#include <string>

#include "data/sources/labelled_list.h"

namespace mlrun::data {

/// Finds the images that the label file `name` names, relative to `root`, and fills in their sizes. A path that is not
/// there is looked for with slashes in place of Windows' backslashes, and under names that are its own but for the way
/// accents are written (NFC, NFD); both are told, and the list then holds the path that was found. UserErrors for the
/// lines whose images are not there or no files, and for paths that then stand there twice.
void locate_images(LabelledList& list, const std::filesystem::path& root, const std::string& name);

}  // namespace mlrun::data
