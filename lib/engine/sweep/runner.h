#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "engine/sweep/plan.h"

namespace mlrun::engine {

struct SweepRunRequest {
  std::filesystem::path folder;
  std::filesystem::path program;  ///< the executable that trains
  std::int64_t jobs = 1;          ///< trainings at a time, which share the compute threads
  bool progress = true;           ///< a line on stderr for each that ends
};

struct SweepRunResult {
  std::int64_t total = 0;
  std::int64_t finished = 0;             ///< of the whole sweep, earlier ones included
  std::vector<std::string> trained;      ///< finished by this command
  std::vector<std::string> interrupted;  ///< stopped with their state saved
  std::vector<std::string> elsewhere;    ///< held by another process
  std::vector<Problem> failed;           ///< by run; what was wrong
  std::string stopped_by;                ///< the signal that this command got; empty: none
  ExitCode code() const;
};

/// Trains what is unfinished, `jobs` at a time, each in a process of its own. What another process trains
/// is left to it (and looked at again in the end, for a while); one that fails does not stop the
/// others. A signal stops all, which save their state.
SweepRunResult run_sweep(const SweepRunRequest& request);

}  // namespace mlrun::engine
