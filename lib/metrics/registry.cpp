#include "metrics/registry.h"

#include "metrics/calibration.h"
#include "metrics/classification.h"

namespace mlrun::metrics {
namespace {

using Make = std::unique_ptr<Metric> (*)(const MetricContext&);

MetricFactory make_factory() {
  MetricFactory factory("metric");
  const auto add = [&factory](const char* name, const char* description, Make make) {
    factory.add<config::NoOptions>(
        name, description, [make](const config::NoOptions&, const MetricContext& context) { return make(context); });
  };
  add("accuracy", "acc1 and acc5 in percent, with a 95 % interval for acc1", &make_accuracy);
  add("loss", "mean cross-entropy, without label smoothing", &make_loss);
  add("calibration", "brier score and expected calibration error", &make_calibration);
  add("per_class", "samples and acc1 of each class", &make_per_class);
  add("confusion", "counts by true and predicted class", &make_confusion);
  return factory;
}

}  // namespace

const MetricFactory& metrics() {
  static const MetricFactory factory = make_factory();
  return factory;
}

}  // namespace mlrun::metrics
