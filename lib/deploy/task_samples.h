#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/types.h>

#include "engine/task.h"

namespace mlrun::deploy {

/// Some of a task's samples as its model sees them.
struct TaskSamples {
  torch::Tensor inputs;          ///< [N, ...]; undefined where the data have none that can be read
  std::vector<std::string> ids;  ///< of each
  std::string from;              ///< `fashion-mnist test`
};

/// `count` samples of the test split (else val, else train), evenly spread, as a plain model's input. UserError where
/// the data cannot be opened.
TaskSamples read_task_samples(engine::Task& task, std::int64_t count);

}  // namespace mlrun::deploy
