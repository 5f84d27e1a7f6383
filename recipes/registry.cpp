#include "recipes/registry.h"

#include "data/sampler.h"
#include "data/transforms/transform.h"
#include "metrics/registry.h"
#include "models/registry.h"
#include "optim/averaging_methods.h"
#include "optim/optimizer.h"
#include "optim/schedule.h"
#include "recipes/classification/losses.h"
#include "recipes/classification/task.h"

namespace mlrun::recipes {

const engine::TaskFactory& tasks() {
  static const engine::TaskFactory factory = [] {
    engine::TaskFactory tasks("task");
    classification::add_task(tasks);
    return tasks;
  }();
  return factory;
}

const config::Catalogue& catalogue() {
  static const config::Catalogue catalogue = [] {
    config::Catalogue all;
    all.add(tasks());
    all.add(models::models());
    all.add(data::sources());
    all.add(data::transforms());
    all.add(data::samplers());
    all.add(optim::optimizers());
    all.add(optim::schedules());
    all.add(optim::averagings());
    all.add(classification::losses());
    all.add(metrics::metrics());
    return all;
  }();
  return catalogue;
}

}  // namespace mlrun::recipes
