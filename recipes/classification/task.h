#pragma once

#include "data/transforms/transform.h"
#include "engine/task.h"
#include "metrics/registry.h"

namespace mlrun::classification {

/// What the task's recipes name; they live as long as its factory.
struct Registries {
  const data::TransformFactory& transforms;
  const metrics::MetricFactory& metrics;
};

/// Registers `classification`: one image in, one of C classes out.
void add_task(engine::TaskFactory& tasks, const Registries& registries);

}  // namespace mlrun::classification
