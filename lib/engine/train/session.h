#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/expect.h"
#include "engine/run/run_directory.h"
#include "engine/task.h"
#include "engine/train/companion.h"

namespace mlrun::engine {

struct TrainRequest {
  const config::Resolved& resolved;
  std::filesystem::path out;
  Resume resume = Resume::Never;
  std::string command;  ///< as typed, for run.json
  bool progress = true;
  MakeCompanion companion{};  ///< empty: none for any recipe
};

struct TrainResult {
  enum class State { Finished, Interrupted, AlreadyFinished };
  State state = State::Finished;
  std::filesystem::path run;
  Json summary = Json::object();  ///< what run.json keeps as `result`
  std::vector<Verdict> verdicts;
  std::string stopped_by;  ///< of an interrupted one: a signal's name, or `train.max_time`
};

/// Trains as the recipe says and evaluates the best weights: one run directory from start to end.
TrainResult train(const TaskFactory& tasks, const TrainRequest& request);

}  // namespace mlrun::engine
