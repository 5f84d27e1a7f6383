#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/task.h"

namespace mlrun::deploy {

/// Some of a task's samples as its models see them.
struct TaskSamples {
  std::map<std::string, nn::Tensors> inputs;  ///< of each model; empty where the data have none that can be read
  std::vector<std::string> ids;               ///< of each sample
  std::string from;                           ///< `fashion-mnist test`
};

/// `count` samples of the test split (else val, else train), evenly spread. UserError where the data cannot be opened.
TaskSamples read_task_samples(engine::Task& task, std::int64_t count);

}  // namespace mlrun::deploy
