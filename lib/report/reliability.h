#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "report/plot.h"

namespace mlrun::report {

/// Predictions whose largest probability p is in low < p <= high; all but the count in percent.
struct ReliabilityBin {
  double low = 0, high = 0;
  std::int64_t samples = 0;
  double confidence = 0;  ///< mean of p; without meaning where there are no samples
  double accuracy = 0;    ///< likewise
};

/// From the metric `calibration`'s details: a list of `{low, high, samples, confidence, acc1}`.
std::vector<ReliabilityBin> read_reliability(const Json& details);

/// The expected calibration error in percent: mean over samples of |accuracy - confidence| of their
/// bins (Guo et al., ICML 2017). NaN for no samples.
double calibration_error(const std::vector<ReliabilityBin>& bins);

/// A reliability diagram as SVG: the accuracy of each bin as a bar, the gap to its mean confidence,
/// the diagonal of perfect calibration, the expected calibration error, and how many samples each bin
/// has.
std::string reliability_svg(const std::string& title, const std::vector<ReliabilityBin>& bins, Size size = {480, 480});

}  // namespace mlrun::report
