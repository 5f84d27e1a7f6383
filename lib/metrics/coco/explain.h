#pragma once

#include <string>
#include <vector>

#include "metrics/coco/result.h"

namespace mlrun::metrics {

/// Why a figure is absent or 0, or what it does not count.
struct CocoRemark {
  std::string figure;  ///< the figure that it stands behind: `ap_small`
  std::string text;
};

/// Nothing where all figures could be had and something was found.
std::vector<CocoRemark> remarks_on(const CocoEvaluation& evaluation, const CocoResult& result);

}  // namespace mlrun::metrics
