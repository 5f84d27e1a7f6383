#include "engine/run/weights_metadata.h"

#include "base/json.h"
#include "engine/run/run_directory.h"

namespace mlrun::engine {

std::string carried_recipe(const config::Resolved& resolved) {
  return config::portable_yaml(resolved, {"train.workers", "train.log_every", "train.log_steps", "train.checkpoint",
                                          "train.max_time", "train.activation_checkpointing"});
}

weights::Metadata weights_metadata(const Task& task, const config::Resolved& resolved) {
  Json preprocessing = task.preprocessing();
  preprocessing["transforms"] = resolved.values.at("data").at("preprocess");
  return {{"format", "pt"},
          {"recipe", carried_recipe(resolved)},
          {"data", json_text(to_json(task.data()))},
          {"classes", json_text(task.data().classes)},
          {"preprocessing", json_text(preprocessing)}};
}

}  // namespace mlrun::engine
