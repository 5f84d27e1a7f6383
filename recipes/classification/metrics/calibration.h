#pragma once

#include <memory>

#include "data/sources/source.h"
#include "metrics/metric.h"

namespace mlrun::classification {

/// How far a classifier's probabilities can be trusted; input and refusals as in
/// accuracy.h. Figures: `brier`, the mean over samples of the squared differences
/// between all classes' probabilities and the truth (0 to 2; G. W. Brier, 1950); `ece`, the expected
/// calibration error in percent over 15 bins of equal width by the largest probability (Naeini et
/// al., AAAI 2015; Guo et al., "On Calibration of Modern Neural Networks", ICML 2017). NaN for no
/// samples and where a logit is. Details `calibration`: for each bin `low`, `high` (the bin is low <
/// p <= high), `samples`, `confidence` (mean probability, percent), `acc1` (percent); null where
/// the bin is empty.
std::unique_ptr<metrics::Metric> make_calibration(const data::DataInfo& info);

}  // namespace mlrun::classification
