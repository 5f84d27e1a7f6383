#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "metrics/coco/result.h"

namespace mlrun::metrics {

/// All kinds, as they are listed.
constexpr CocoError kCocoErrors[] = {CocoError::Class, CocoError::Place,      CocoError::Both,
                                     CocoError::Twice, CocoError::Background, CocoError::Missed};

/// A kind in words.
std::string name_of(CocoError kind);

/// One kind of error over all classes.
struct CocoErrorCost {
  CocoError kind = CocoError::None;
  std::string name;        ///< in words
  std::int64_t count = 0;  ///< detections, or of the missed: objects
  double gain = 0;  ///< by how much average precision (0 to 1) rises if these alone are mended; NaN without truths
};

/// What each kind of error costs under the settings' `shown` overlap: detections of a wrong class or at a wrong place
/// are put right where their object is not found otherwise (the best of several alone), other mistakes are taken away,
/// and missed objects are no longer asked for.
std::vector<CocoErrorCost> error_costs(const CocoEvaluation& evaluation);

}  // namespace mlrun::metrics
