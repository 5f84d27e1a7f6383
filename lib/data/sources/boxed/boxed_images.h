#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/options.h"
#include "data/sources/boxed/box_check.h"
#include "data/sources/boxed/box_problems.h"
#include "data/sources/boxed/boxed.h"
#include "data/sources/source.h"
#include "data/sources/splits.h"
#include "data/transforms/follower.h"

namespace mlrun::data {

/// What a source has read of a data set.
struct BoxedSet {
  DataInfo info;  ///< classes; `facts` get `category_ids`, 1, 2, ... where the source knows none
  std::vector<BoxedImage> images;
  std::optional<Division> division;                ///< of the images, where the data set has splits of its own
  std::vector<std::filesystem::path> annotations;  ///< their files, for the fingerprint
  std::int64_t keypoints = 0;                      ///< of each thing
  bool difficult = false;                          ///< things say whether they are
  std::string images_hint;                         ///< where images are named that are not there
  BoxProblems problems;                            ///< found so far
};

/// A data set of image files with things in them, in one convention: targets `boxes`, float32 [n, 4] (left, top, right,
/// bottom in pixels from 0); `labels`, int64 [n], numbers of classes from 0; `crowd`, bool [n]; `area`, float64 [n];
/// `object_ids`, int64 [n], the annotations'; `image_id`, int64; where the source has them `difficult`, bool [n], and
/// `keypoints`, float32 [n, K, 3]; with `rules.masks` `masks`, uint8 [n, H, W]. n is 0 where there is nothing. Its
/// facts say so: `boxes` and `masks` are true, `keypoint_count` is K. Looks at the heads of all files. UserError that
/// names what cannot be used: absent images, sizes that differ from the images', boxes without area or outside, ids
/// that stand there twice, and what `set.problems` has.
std::shared_ptr<const Dataset> open_boxed(BoxedSet set, const OpenRequest& request, const BoxRules& rules);

/// Whether the samples of a data set have boxes.
bool has_boxes(const DataInfo& info);
/// How the targets of such samples follow their images; nothing follows where a data set has no boxes.
Followers box_followers(const DataInfo& info);

/// Declares the options `degenerate` and `empty_images`, which every source with boxes has.
template <class Options>
void declare_boxed(config::Declare<Options>& d) {
  d("degenerate", &Options::degenerate,
    "boxes without area in their images: an error that names them, or drop: they are left out, as torchvision's "
    "references do (COCO's training images have two)")
      .choices({"error", "drop"});
  d("empty_images", &Options::empty_images,
    "training images without things: keep (they teach what is background), or drop, as torchvision's references do")
      .choices({"keep", "drop"});
}

template <class Options>
BoxRules rules_of(const Options& options, bool masks) {
  return {options.degenerate == "drop", masks, options.empty_images == "drop"};
}

}  // namespace mlrun::data
