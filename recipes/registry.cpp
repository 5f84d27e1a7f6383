#include "recipes/registry.h"

#include "engine/shared_kinds.h"
#include "models/registry.h"
#include "recipes/classification/losses.h"
#include "recipes/classification/metrics/registry.h"
#include "recipes/classification/presets.h"
#include "recipes/classification/starter.h"
#include "recipes/classification/task.h"
#include "recipes/detection/presets.h"
#include "recipes/detection/starter.h"
#include "recipes/detection/task.h"
#include "recipes/segmentation/pixel_terms.h"
#include "recipes/segmentation/presets.h"
#include "recipes/segmentation/starter.h"
#include "recipes/segmentation/task.h"

namespace mlrun::recipes {

const engine::TaskFactory& tasks() {
  static const engine::TaskFactory factory = [] {
    engine::TaskFactory tasks("task");
    classification::add_task(tasks, {transforms(), metrics()});
    detection::add_task(tasks, transforms());
    segmentation::add_task(tasks, transforms());
    return tasks;
  }();
  return factory;
}

const data::TransformFactory& transforms() {
  static const data::TransformFactory factory = [] {
    data::TransformFactory transforms("transform");
    data::add_transforms(transforms);
    classification::add_presets(transforms);
    segmentation::add_presets(transforms);
    detection::add_presets(transforms);
    return transforms;
  }();
  return factory;
}

const metrics::MetricFactory& metrics() {
  static const metrics::MetricFactory factory = [] {
    metrics::MetricFactory metrics("metric");
    classification::add_metrics(metrics);
    return metrics;
  }();
  return factory;
}

const std::vector<engine::StarterKind>& starters() {
  static const std::vector<engine::StarterKind> list = {classification::starter(), detection::starter(),
                                                        segmentation::starter()};
  return list;
}

const config::Catalogue& catalogue() {
  static const config::Catalogue catalogue = [] {
    config::Catalogue all;
    all.add(tasks());
    all.add(models::models());
    all.add(transforms());
    all.add(classification::losses());
    all.add(segmentation::pixel_terms());
    all.add(metrics());
    engine::add_shared_kinds(all);
    return all;
  }();
  return catalogue;
}

}  // namespace mlrun::recipes
