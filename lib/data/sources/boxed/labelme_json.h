#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/sources/boxed/box_problems.h"
#include "data/sources/boxed/boxed.h"

namespace mlrun::data {

/// A thing with the name of its class.
struct NamedObject {
  std::string name;
  BoxedObject object;
};

/// What an annotation of LabelMe's says.
struct LabelMe {
  std::string image;                   ///< imagePath; empty where it does not say
  std::int64_t height = 0, width = 0;  ///< 0 where it does not say
  std::vector<NamedObject> objects;
  std::int64_t others = 0;  ///< shapes that bound nothing: points and lines
};

/// Reads it: rectangles, circles and polygons, of which those of one label and group are one thing. What is wrong goes
/// to `problems` as of the file `name`.
LabelMe read_labelme(std::string_view text, const std::string& name, BoxProblems& problems);

}  // namespace mlrun::data
