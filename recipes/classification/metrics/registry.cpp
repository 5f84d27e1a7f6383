#include "recipes/classification/metrics/registry.h"

#include "recipes/classification/metrics/accuracy.h"
#include "recipes/classification/metrics/calibration.h"
#include "recipes/classification/metrics/precision.h"

namespace mlrun::classification {

void add_metrics(metrics::MetricFactory& factory) {
  using Make = std::unique_ptr<metrics::Metric> (*)(const data::DataInfo&);
  const auto add = [&factory](const char* name, const char* description, Make make) {
    factory.add<config::NoOptions>(name, description,
                                   [make](const config::NoOptions&, const data::DataInfo& info) { return make(info); });
  };
  add("accuracy", "acc1 and acc5 in percent, with a 95 % interval for acc1", &make_accuracy);
  add("loss", "mean cross-entropy, without label smoothing", &make_loss);
  add("calibration", "brier score and expected calibration error", &make_calibration);
  add("per_class", "samples and acc1 of each class", &make_per_class);
  add("precision", "precision, recall and F1 of each class, and their means",
      [](const data::DataInfo& info) { return make_precision(info, {}); });
  add("confusion", "counts by true and predicted class", &make_confusion);
}

}  // namespace mlrun::classification
