#pragma once

#include <algorithm>
#include <cstddef>

#include "metrics/coco/evaluation.h"
#include "metrics/coco/settings.h"

namespace mlrun::metrics {

/// The truth that a detection overlaps most among some.
struct Nearest {
  std::ptrdiff_t truth = -1;
  double overlap = 0;

  void look(std::size_t g, double value) {
    if (value <= overlap) return;
    truth = static_cast<std::ptrdiff_t>(g);
    overlap = value;
  }
};

/// The truths near a detection, of those that count.
struct Neighbourhood {
  Nearest own, other, found;  // `found`: of its class, and found by another

  CocoError kind(const CocoSettings& settings) const {
    const double least = settings.least_overlap, enough = settings.shown_overlap;
    if (own.overlap >= least && own.overlap < enough) return CocoError::Place;
    if (other.overlap >= enough) return CocoError::Class;
    if (found.overlap >= enough) return CocoError::Twice;
    if (std::max(own.overlap, other.overlap) < least) return CocoError::Background;
    return CocoError::Both;
  }
};

}  // namespace mlrun::metrics
