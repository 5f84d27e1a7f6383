#pragma once

#include <memory>

#include "data/sources/source.h"
#include "metrics/metric.h"

namespace mlrun::segmentation {

/// Counts of pixels by true and predicted class, exact: `miou`, the mean over the classes that occur, in the masks or
/// the predictions, of intersection over union; `pixel_acc`, the share of valid pixels that are right; in per cent.
std::unique_ptr<metrics::Metric> make_overlap(const data::DataInfo& info);

/// `loss`: the mean cross-entropy of valid pixels, summed in float64.
std::unique_ptr<metrics::Metric> make_loss();

}  // namespace mlrun::segmentation
