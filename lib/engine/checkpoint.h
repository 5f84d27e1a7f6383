#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "data/state.h"
#include "weights/safetensors.h"

namespace mlrun::engine {

/// A point of a training, as it lies in `checkpoints/step-%08d/`: model.safetensors (the weights
/// alone), state.safetensors and state.json (all else that resume needs), manifest.json (sizes and
/// SHA-256 of the three).
struct Checkpoint {
  std::int64_t step = 0;
  weights::NamedTensors weights;
  weights::Metadata metadata;  ///< of model.safetensors
  data::State state;
};

/// Writes the checkpoint below `folder` whole or not at all and returns its path. One of the same
/// step is replaced.
std::filesystem::path write_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

/// Compares the files with the manifest; UserError that names the damaged or missing file.
void verify_checkpoint(const std::filesystem::path& path);

/// Verifies and reads a checkpoint.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// Finished checkpoints below `folder`, oldest first.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& folder);

/// The step that a checkpoint's folder name tells, or -1.
std::int64_t checkpoint_step(const std::filesystem::path& path);

/// Points the relative symlink `folder/name` at the checkpoint `target` (its folder name), atomically.
void link_checkpoint(const std::filesystem::path& folder, const std::string& name, const std::string& target);

/// Removes all but the newest `keep` checkpoints and the ones that `last` and `best` point at, and
/// what an interrupted write left behind.
void prune_checkpoints(const std::filesystem::path& folder, std::int64_t keep);

}  // namespace mlrun::engine
