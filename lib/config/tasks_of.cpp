#include "config/tasks_of.h"

#include <algorithm>

namespace mlrun::config {

std::vector<std::string> tasks_of(const Entry& entry) {
  const Json task = entry.facts.is_object() ? entry.facts.value("task", Json()) : Json();
  if (task.is_array()) return task.get<std::vector<std::string>>();
  return task.is_string() ? std::vector<std::string>{task.get<std::string>()} : std::vector<std::string>();
}

bool is_for_task(const Entry& entry, const std::string& task) {
  const auto tasks = tasks_of(entry);
  return std::find(tasks.begin(), tasks.end(), task) != tasks.end();
}

}  // namespace mlrun::config
