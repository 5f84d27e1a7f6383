#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace mlrun::data {

/// What a data.yaml of YOLO's says.
struct YoloNames {
  std::vector<std::string> classes;
  std::string path;                           ///< what the others are relative to; empty: the folder of the file
  std::vector<std::string> train, val, test;  ///< folders of images, or lists of them
  std::size_t keypoints = 0, numbers = 3;     ///< kpt_shape
  std::vector<std::pair<std::int64_t, std::int64_t>> pairs;  ///< of flip_idx
};

/// Reads it. UserError that names the place of what is wrong: no names, names that are counted with gaps, another `nc`.
YoloNames read_yolo_names(const std::string& text, const std::string& file);

}  // namespace mlrun::data
