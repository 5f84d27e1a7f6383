#include "engine/task.h"

#include "base/error.h"
#include "data/sources/left_out.h"
#include "engine/exhibition.h"
#include "engine/feed.h"
#include "models/batch_norms.h"

namespace mlrun::engine {

bool Task::reads(const std::string& name) const { return data::is_image_name(name); }

std::unique_ptr<Feed> Task::feed(const Context& /*context*/) { return nullptr; }

std::unique_ptr<Exhibition> Task::exhibition() { return nullptr; }

std::unique_ptr<Task> TaskFactory::make(const config::Component& kind, const TaskRequest& request) const {
  auto task = Factory::make(kind, request);
  std::vector<nn::Layer*> networks;
  for (const auto& model : task->models()) networks.push_back(model.second.get());
  models::set_batch_norms(request.recipe.model.batch_norm, networks);
  return task;
}

void TaskFactory::add_alone(const std::string& task, ModelAlone alone) {
  const bool added = find(task) != nullptr && alone_.emplace(task, std::move(alone)).second;
  MLRUN_ASSERT(added, "no task '" + task + "', or one that has said already what it makes of models alone");
}

const ModelAlone& TaskFactory::alone(const std::string& task, const std::string& model) const {
  const auto found = alone_.find(task);
  if (found != alone_.end()) return found->second;
  throw UserError("the model " + model + " is of the task " + task + ", which takes none without a recipe",
                  "name a recipe or a run in place of the model");
}

}  // namespace mlrun::engine
