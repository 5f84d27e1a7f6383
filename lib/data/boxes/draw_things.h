#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "data/colours.h"
#include "data/image/run_lengths.h"
#include "data/sources/source.h"

/// Things in images to look at.
namespace mlrun::data {

/// What is drawn; what is not defined is not.
struct DrawnThings {
  torch::Tensor boxes;             ///< float [n, 4], left, top, right, bottom in pixels of the image
  torch::Tensor labels;            ///< int64 [n], numbers of classes from 0
  torch::Tensor scores;            ///< float [n]
  torch::Tensor masks;             ///< uint8 or bool [n, H, W], or
  torch::Tensor keypoints;         ///< float [n, K, 3], x, y and whether it is visible (above 0)
  std::vector<RunLengths> shapes;  ///< masks as runs, n of the image's size; none: they have none
};

/// How it is drawn.
struct DrawingStyle {
  std::vector<std::string> names;                               ///< of the classes; none: boxes have no text
  std::vector<Colour> colours;                                  ///< of the classes; none: `box_colours`
  std::vector<std::pair<std::int64_t, std::int64_t>> skeleton;  ///< keypoints that lines join
  std::int64_t thickness = 0;                                   ///< pixels of lines; 0: by the size of the image
  bool by_thing = false;                                        ///< each thing has a colour of its own
};

/// The style of a data set: its names, colours and skeleton.
DrawingStyle drawing_style(const DataInfo& info);

/// Colours for `count` classes that differ well, in the order of their numbers; none is dark.
std::vector<Colour> box_colours(std::size_t count);

/// `image`, uint8 [H, W, 1 or 3], with masks half covering it, boxes, keypoints and, where the build has OpenCV, the
/// names and scores of boxes: uint8 [H, W, 3]. Later things are drawn first, so that with falling scores the best lie
/// on top. What reaches outside is cut.
torch::Tensor draw_things(const torch::Tensor& image, const DrawnThings& things, const DrawingStyle& style);

/// `things` of an image that is made `across` and `down` times as large, without masks.
DrawnThings scaled_things(const DrawnThings& things, double across, double down);

}  // namespace mlrun::data
