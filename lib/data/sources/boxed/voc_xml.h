#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/sources/boxed/box_problems.h"

namespace mlrun::data {

struct VocObject {
  std::string name;             ///< of its class
  std::array<double, 4> box{};  ///< xmin, ymin, xmax, ymax as they stand there
  bool difficult = false;
  int line = 0;
};

/// What an annotation file of PASCAL VOC says.
struct VocAnnotation {
  std::string filename;                ///< empty where it does not say
  std::int64_t height = 0, width = 0;  ///< 0 where it does not say
  std::vector<VocObject> objects;
};

/// Reads it; what is wrong with it goes to `problems` as of the file `name`. Parts of objects are left out.
VocAnnotation read_voc(std::string_view text, const std::string& name, BoxProblems& problems);

}  // namespace mlrun::data
