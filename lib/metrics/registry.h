#pragma once

#include <memory>

#include "config/registry.h"
#include "data/sources/source.h"
#include "metrics/metric.h"

namespace mlrun::metrics {

/// The metrics by name. What one must know before it sees the first batch is what is known of the data.
using MetricFactory = config::Factory<std::unique_ptr<Metric>(const data::DataInfo&)>;

}  // namespace mlrun::metrics
