#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mlrun::engine {

struct PruneRequest {
  std::int64_t keep = 0;        ///< newest checkpoints, beside those that `last` and `best` name
  bool drop_optimizer = false;  ///< of a finished run: what only a resumed training needs
  bool dry_run = false;         ///< only tells
};

/// What became of one checkpoint.
struct PrunedCheckpoint {
  std::string name;
  std::uint64_t before = 0, after = 0;  ///< bytes; 0 after: removed
  std::string why;                      ///< it was kept: `best, last`, `newest`, `rate minimum`; empty: it was not
};

/// Removes the checkpoints of a run but for the newest `keep`, those that `last` and `best` name, and those that a
/// cyclical schedule keeps where its rate is lowest. What stays loses its optimizers' state, where that is wanted: such
/// a run is evaluated, averaged and exported as before. Damaged checkpoints that were set aside stay. UserError for a
/// run that is being written, or whose training needs the optimizers' state to go on.
std::vector<PrunedCheckpoint> prune_run(const std::filesystem::path& path, const PruneRequest& request);

/// Bytes of all files of a run, links not followed.
std::uint64_t run_bytes(const std::filesystem::path& path);

}  // namespace mlrun::engine
