#pragma once

#include <string>
#include <vector>

#include "config/tasks_of.h"
#include "models/registry.h"

namespace mlrun::test {

/// The registered models of this task. What a test says of all of a field's models, it says of these: models of another
/// take and give other things.
inline std::vector<std::string> models_of(const std::string& task) {
  std::vector<std::string> names;
  for (const auto& entry : models::models().entries()) {
    if (config::is_for_task(entry, task)) names.push_back(entry.name);
  }
  return names;
}

/// Those from images [N, C, H, W] to class scores [N, classes].
inline std::vector<std::string> classifiers() { return models_of("classification"); }

}  // namespace mlrun::test
