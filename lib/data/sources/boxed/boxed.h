#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/image/run_lengths.h"

/// Things in images as the formats of annotations give them, all in one convention.
namespace mlrun::data {

struct BoxedObject {
  std::int64_t id = 0;          ///< of the annotation; 0 where its file has none: it is given one
  std::int64_t label = 0;       ///< number of its class, from 0
  std::array<double, 4> box{};  ///< left, top, right, bottom in pixels; the image's left upper corner is 0, 0
  std::optional<double> area;   ///< as the annotation says; else the box's
  bool crowd = false, difficult = false;
  int line = 0;                             ///< where it stands in its file, or else
  std::int64_t shape = 0;                   ///< the how manyth it is there; neither: found by its id
  std::vector<Outline> outlines;            ///< its polygons, or else
  RunLengths runs;                          ///< its mask; neither where it has none
  std::vector<std::vector<double>> shares;  ///< polygons of an image whose things are in shares, x and y in turn
  std::vector<double> keypoints;            ///< x, y and visibility in turn; empty: it has none
};

struct BoxedImage {
  std::string path;                    ///< of its file, relative to the root
  std::string annotations;             ///< the file that says what is in it
  std::int64_t id = 0;                 ///< 0 where its annotations have none: it is given one
  std::int64_t height = 0, width = 0;  ///< as the annotations say, 0 where they do not; the image's once it is open
  std::vector<BoxedObject> objects;
  bool in_shares = false;  ///< boxes, polygons and keypoints are in shares of its sides until it is open
};

}  // namespace mlrun::data
