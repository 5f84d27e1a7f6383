#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/image/run_lengths.h"

namespace mlrun::data {

struct CocoImage {
  std::int64_t id = 0;
  std::string file;                    ///< as the annotations name it
  std::int64_t height = 0, width = 0;  ///< 0 where they do not say
};

struct CocoCategory {
  std::int64_t id = 0;
  std::string name;
  std::vector<std::string> keypoints;                           ///< their names, where its objects have some
  std::vector<std::pair<std::int64_t, std::int64_t>> skeleton;  ///< places of keypoints, from 0, that lines join
};

/// One annotation.
struct CocoObject {
  std::int64_t id = 0, category = 0;
  std::size_t image = 0;  ///< place in `CocoAnnotations::images`
  bool crowd = false;
  std::optional<double> area;
  std::vector<Outline> outlines;             ///< its polygons, or else
  RunLengths runs;                           ///< its mask
  std::optional<std::array<double, 4>> box;  ///< left, top, width and height in pixels
  std::vector<double> keypoints;             ///< x, y and visibility in turn; empty: it has none

  /// Its pixels in an image of this size.
  RunLengths mask(std::int64_t height, std::int64_t width) const;
};

/// What a file of instances says, in COCO's form.
struct CocoAnnotations {
  std::vector<CocoImage> images;  ///< by id
  std::vector<CocoCategory> categories;
  std::vector<CocoObject> objects;  ///< in the order of the file
};

/// What is wanted of each annotation. Without masks no shape is read but where a box is wanted and not given: then it
/// is the shape's. With boxes ids are wanted, too: they are given where annotations have none.
struct CocoWanted {
  bool masks = true;
  bool boxes = false;
};

/// Reads it; `name` is the file's, for messages. All problems are told together (at most 20): what is missing, ids that
/// stand there twice or nowhere, polygons and runs that are none.
CocoAnnotations read_coco(std::string_view text, const std::string& name, const CocoWanted& wanted = {});

}  // namespace mlrun::data
