#include "engine/run/weights_metadata.h"

#include "base/json.h"
#include "engine/run/run_directory.h"

namespace mlrun::engine {
namespace {

Json carried_recipe(const Json& values) {
  Json recipe = values;
  for (const char* key : {"workers", "log_every", "log_steps", "checkpoint", "max_time", "activation_checkpointing"})
    recipe.at("train").erase(key);
  return recipe;
}

}  // namespace

weights::Metadata weights_metadata(const Task& task, const config::Resolved& resolved) {
  Json preprocessing = task.preprocessing();
  preprocessing["transforms"] = resolved.values.at("data").at("preprocess");
  return {{"format", "pt"},
          {"recipe", config::to_yaml(carried_recipe(resolved.values))},
          {"data", json_text(to_json(task.data()))},
          {"classes", json_text(task.data().classes)},
          {"preprocessing", json_text(preprocessing)}};
}

}  // namespace mlrun::engine
