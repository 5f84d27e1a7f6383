#pragma once

#include <cstdint>

#include "data/fields.h"
#include "data/sources/boxed/boxed.h"

namespace mlrun::data {

/// What becomes of the things in an image, as `open_boxed` has it.
struct BoxTargets {
  std::int64_t keypoints = 0;  ///< of each thing
  bool difficult = false, masks = false;

  Fields of(const BoxedImage& image) const;
};

}  // namespace mlrun::data
