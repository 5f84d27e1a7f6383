#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "engine/run/recorded_figures.h"

namespace mlrun::engine {

/// A run as a list of runs shows it.
struct RunSummary {
  std::filesystem::path path;
  /// run.json's, or `stale`: it says running and no process holds it; or `damaged`; or `newer`: of a later mlrun
  std::string state;
  std::int64_t epoch = 0, epochs = 0;
  std::string length;  ///< in place of epochs, which are 0 then, as `1000 steps`; else empty
  std::int64_t step = 0;
  std::optional<Best> best;
  std::string updated;        ///< UTC, as `2026-11-22T03:40:51Z`
  std::optional<double> age;  ///< seconds since then, at least 0
  std::string host;           ///< where it was last run
  std::string error;          ///< of a failed, damaged or newer one

  /// How far it is, as `3/10` epochs or `250/1000 steps`.
  std::string progress(const std::string& of = "/") const;
  bool readable() const { return state != "damaged" && state != "newer"; }
};

/// All runs in `folder` (which may be one itself) and below, sorted by path. UserError where there
/// is no such folder. Runs that are being written are only looked at.
std::vector<RunSummary> find_runs(const std::filesystem::path& folder);

}  // namespace mlrun::engine
