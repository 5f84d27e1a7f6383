#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/state.h"
#include "weights/safetensors.h"

namespace mlrun::engine {

/// A point of a training, as it lies in `checkpoints/step-%08d/`: model.safetensors (the weights
/// alone), state.safetensors and state.json (all else that resume needs), manifest.json (sizes and
/// SHA-256 of the three).
struct Checkpoint {
  std::int64_t step = 0;
  weights::NamedTensors weights;
  weights::Metadata metadata;      ///< of model.safetensors
  weights::NamedTensors averaged;  ///< written beside as averaged.safetensors; not read back
  data::State state;
};

/// Writes the checkpoint below `folder` whole or not at all and returns its path. One of the same
/// step is replaced. Looks first whether the file system has room for it: UserError where not.
std::filesystem::path write_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint);

/// A checkpoint whose files are not what was written: no use to try again.
class DamagedCheckpoint : public UserError {
 public:
  DamagedCheckpoint(const std::filesystem::path& file, const std::string& what);
};

/// Compares the files, and the step that the folder's name tells, with the manifest; DamagedCheckpoint
/// that names the damaged or missing file, LaterSchema for one of a later mlrun, another UserError where
/// a file cannot be read.
void verify_checkpoint(const std::filesystem::path& path);

/// Bytes of all files of a checkpoint on disk.
std::uint64_t checkpoint_bytes(const std::filesystem::path& path);

/// Renames a damaged checkpoint to `damaged-step-%08d`, so that it is kept but not counted; the new path.
std::filesystem::path set_aside(const std::filesystem::path& path);

/// Verifies and reads a checkpoint.
Checkpoint read_checkpoint(const std::filesystem::path& path);

/// Finished checkpoints below `folder`, oldest first.
std::vector<std::filesystem::path> list_checkpoints(const std::filesystem::path& folder);

/// The step that a checkpoint's folder name tells, or -1.
std::int64_t checkpoint_step(const std::filesystem::path& path);

/// True for the names that a run gives in its folder of checkpoints: `step-00000100`, `damaged-step-00000100`, `last`,
/// `best`.
bool is_checkpoint_name(const std::string& name);

/// Removes all but the newest `keep` checkpoints and the ones that `last` and `best` point at. Those of
/// a step of which `wanted` is true stay, too.
void prune_checkpoints(const std::filesystem::path& folder, std::int64_t keep,
                       const std::function<bool(std::int64_t step)>& wanted = {});

}  // namespace mlrun::engine
