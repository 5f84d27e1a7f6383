#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/sources/boxed/box_problems.h"
#include "data/sources/boxed/labelme_json.h"

namespace mlrun::data {

struct CvatImage {
  std::string name;    ///< of its file; empty: of a video, whose frame it is
  std::string subset;  ///< as Train; empty where it does not say
  std::int64_t frame = 0, height = 0, width = 0;
  int line = 0;
  std::vector<NamedObject> objects;
};

struct Cvat {
  std::vector<std::string> labels;  ///< those that its head names, in their order
  std::vector<CvatImage> images;
  std::int64_t others = 0;  ///< shapes that bound nothing: points and lines
};

/// Reads annotations of CVAT's, for images (boxes, polygons, masks) or for a video (tracks, whose boxes are left out
/// where they are outside; frames in their order). What is wrong goes to `problems` as of the file `name`.
Cvat read_cvat(std::string_view text, const std::string& name, BoxProblems& problems);

}  // namespace mlrun::data
