#pragma once

#include <memory>
#include <string>

namespace mlrun::data {

/// An image as it lies in its file.
struct EncodedImage {
  std::shared_ptr<const std::string> bytes;  ///< null where there is none
  std::string name;                          ///< of the file, for errors
  bool apply_exif = false;                   ///< turn it as its EXIF orientation says
};

}  // namespace mlrun::data
