#pragma once

#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "data/sources/source.h"

namespace mlrun::data {

/// What was found out about a data set, for scripts and for people.
struct Findings {
  Json json = Json::object();
  std::string text;
  std::vector<Problem> problems;  ///< what cannot be used
};

/// A data set that is looked at.
struct DataSubject {
  std::shared_ptr<const Dataset> dataset;
  std::string root;
  std::string format;
  bool exif_applied = false;  ///< `data.exif: apply`
  int threads = 1;
};

/// Name, format, fingerprint, the samples of each class and split; sizes, kinds and EXIF rotations of
/// image files, from their heads, in `threads` threads. Nothing is decoded where the head tells enough, but for masks,
/// whose pixels of each class are counted. Of boxes, how many there are of each class, their sizes and ratios.
Findings inspect_data(const DataSubject& subject);

/// Of image files alone, from their heads: `sizes`, `width`, `height`, `kinds`, `exif_orientations`, `rotated`,
/// `rotated_samples`, `unknown`.
Json inspect_images(const DataSubject& subject);

/// One split's samples, with the split's name.
struct SplitView {
  Split split;
  std::shared_ptr<const Source> source;
};

/// The splits that a data set has.
std::vector<SplitView> splits_of(const Dataset& dataset);

}  // namespace mlrun::data
