#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/sources/boxed/box_problems.h"
#include "data/sources/boxed/boxed.h"

namespace mlrun::data {

/// What the lines of a label file may hold.
struct YoloForm {
  std::size_t classes = 0;
  std::size_t keypoints = 0;  ///< of each thing; 0: none
  std::size_t numbers = 3;    ///< of each keypoint: 3, or 2 where none says whether it is visible
};

/// Reads a label file of YOLO's: a thing a line, `class x y width height` with the middle of its box, `class x y x y
/// ...` with the corners of a polygon, or the first with keypoints after it, all in shares of the image's sides. What
/// is wrong goes to `problems` as of the file `name`.
std::vector<BoxedObject> read_yolo(std::string_view text, const std::string& name, const YoloForm& form,
                                   BoxProblems& problems);

}  // namespace mlrun::data
