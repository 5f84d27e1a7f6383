#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "data/image/run_lengths.h"
#include "metrics/coco/settings.h"

namespace mlrun::metrics {

/// As COCO writes it, in pixels: left, top, width and height; nothing is added to them.
struct CocoBox {
  double x = 0, y = 0, width = 0, height = 0;
};

/// Where something is: what the evaluation's kind asks for.
struct CocoShape {
  CocoBox box;                    ///< of keypoints: the truth's alone
  data::RunLengths mask;          ///< of the image's size
  std::vector<double> keypoints;  ///< x, y and visibility (0: not marked) in turn
};

/// What stands in the annotations.
struct CocoTruth {
  std::size_t category = 0;  ///< position of the class
  CocoShape shape;
  double area = 0;       ///< as the annotation says it
  bool crowd = false;    ///< many may be found in it; it counts for nothing itself
  bool ignored = false;  ///< may be found once, and counts for nothing either
};

/// What a model found.
struct CocoDetection {
  std::size_t category = 0;
  double score = 0;
  CocoShape shape;
  double area = 0;  ///< see `area_of`
};

/// The area by which a detection is small or large: the box's, the mask's, or that of the box around its keypoints.
double area_of(CocoKind kind, const CocoShape& shape);

/// Pixels that both masks have; 0 where their sizes differ.
std::int64_t shared_pixels(const data::RunLengths& a, const data::RunLengths& b);

/// How far each detection lies on each truth, [detections, truths] by rows: intersection over union, with a crowd
/// intersection over the detection, or the similarity of keypoints.
void overlaps(const CocoSettings& settings, const std::vector<const CocoDetection*>& detections,
              const std::vector<const CocoTruth*>& truths, std::vector<double>& result);

}  // namespace mlrun::metrics
