#pragma once

#include <filesystem>

#include "base/json.h"
#include "data/inspect.h"

namespace mlrun::data {

struct CocoWriting {
  std::filesystem::path file;
  Split split = Split::Train;
};

/// Writes the boxes of one split, with masks (as runs) and keypoints where it has them, as JSON in COCO's form: images
/// under their paths from the root of the data, the categories' ids as the source knows them, numbers that read back as
/// the same float32. UserError where the data have no boxes or no such split.
Findings write_coco(const DataSubject& subject, const CocoWriting& writing);

}  // namespace mlrun::data
