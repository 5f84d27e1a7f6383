#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/registry.h"
#include "metrics/metric.h"

namespace mlrun::metrics {

/// What a metric must know before it sees the first batch.
struct MetricContext {
  std::vector<std::string> classes;  ///< names in the order of labels; empty where a task has none
};

using MetricFactory = config::Factory<std::unique_ptr<Metric>(const MetricContext&)>;

/// `accuracy`, `loss`, `calibration`, `per_class`, `confusion`: see metrics/classification.h and
/// metrics/calibration.h.
const MetricFactory& metrics();

}  // namespace mlrun::metrics
