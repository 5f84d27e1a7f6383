#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/colours.h"

namespace mlrun::data {

struct PanopticCategory {
  std::int64_t id = 0;
  std::string name;
  std::optional<Colour> colour;
};

/// One image with its segments.
struct PanopticImage {
  std::int64_t id = 0;
  std::string file, mask;                                   ///< as the annotations name them
  std::unordered_map<std::int32_t, std::int64_t> segments;  ///< of each id in the mask its category
};

/// What a file of panoptic annotations says, in COCO's form.
struct PanopticAnnotations {
  std::vector<PanopticImage> images;  ///< those with annotations, by id
  std::vector<PanopticCategory> categories;
};

/// Reads it; `name` is the file's, for messages. All problems are told together (at most 20).
PanopticAnnotations read_panoptic(std::string_view text, const std::string& name);

}  // namespace mlrun::data
