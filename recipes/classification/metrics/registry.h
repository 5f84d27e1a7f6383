#pragma once

#include "metrics/registry.h"

namespace mlrun::classification {

/// Adds `accuracy`, `loss`, `calibration`, `per_class`, `confusion`: see accuracy.h and calibration.h.
void add_metrics(metrics::MetricFactory& factory);

}  // namespace mlrun::classification
