#include "engine/run/prune.h"

#include <algorithm>

#include "base/error.h"
#include "base/paths.h"
#include "engine/run/checkpoint.h"
#include "engine/run/run_directory.h"
#include "weights/safetensors.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

constexpr const char* kOptimizers = "trainer.optimizer.";  // what Trainer::save prefixes

/// The folder that a link of the run names; empty where there is none.
std::string linked(const fs::path& checkpoints, const char* link) {
  std::error_code absent;
  return fs::read_symlink(checkpoints / link, absent).filename().string();
}

bool of_minimum(const fs::path& checkpoint) {
  const fs::path file = checkpoint / "model.safetensors";
  std::error_code unreadable;
  return fs::is_regular_file(file, unreadable) && weights::read_safetensors_header(file).metadata.count("rate_minimum");
}

std::string reason_to_keep(const fs::path& checkpoint, const fs::path& checkpoints, bool newest) {
  std::string why;
  for (const char* link : {"best", "last"}) {
    if (linked(checkpoints, link) == checkpoint.filename()) why += (why.empty() ? "" : ", ") + std::string(link);
  }
  if (!why.empty()) return why;
  if (newest) return "newest";
  return of_minimum(checkpoint) ? "rate minimum" : "";
}

bool of_optimizer(const std::string& name) { return name.rfind(kOptimizers, 0) == 0; }

/// What the checkpoint has of its optimizers.
std::uint64_t optimizer_bytes(const fs::path& path) {
  std::uint64_t sum = 0;
  for (const auto& [name, tensor] : weights::read_safetensors(path / "state.safetensors").tensors) {
    if (of_optimizer(name)) sum += static_cast<std::uint64_t>(tensor.nbytes());
  }
  return sum;
}

/// Writes the checkpoint anew without the state of its optimizers.
void drop_optimizer(const RunDirectory& run, const fs::path& path) {
  Checkpoint checkpoint = read_checkpoint(path);
  const fs::path averaged = path / "averaged.safetensors";
  if (fs::exists(averaged)) checkpoint.averaged = weights::read_safetensors(averaged).tensors;
  data::State kept;
  kept.put_values(checkpoint.state.values());
  for (const auto& [name, tensor] : checkpoint.state.tensors()) {
    if (!of_optimizer(name)) kept.put(name, tensor);
  }
  checkpoint.state = std::move(kept);
  run.require_own();
  write_checkpoint(run.checkpoints(), checkpoint);
}

void check_prunable(const fs::path& path, const PruneRequest& request) {
  const RunDirectory run = RunDirectory::open(path);
  if (is_being_written(path)) {
    throw file_error(path.string(), "another mlrun is writing this run", "prune it once that has ended");
  }
  if (request.drop_optimizer && run.state() != "finished") {
    throw file_error(path.string(), "is not finished, and needs the state of its optimizers to go on",
                     "finish it with --resume auto, or leave out --drop-optimizer");
  }
  const std::string last = linked(run.checkpoints(), "last");
  if (!last.empty() && fs::is_directory(run.checkpoints() / last)) return;
  throw file_error(path.string(), "has no last checkpoint, so that nothing tells what to keep",
                   "let the training save one, or mend it with --resume auto");
}

}  // namespace

std::vector<PrunedCheckpoint> prune_run(const fs::path& path, const PruneRequest& request) {
  check_prunable(path, request);
  const RunDirectory run = request.dry_run ? RunDirectory::open(path) : RunDirectory::hold(path);
  const auto all = list_checkpoints(run.checkpoints());
  std::vector<PrunedCheckpoint> list;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const bool newest = i + static_cast<std::size_t>(request.keep) >= all.size();
    PrunedCheckpoint entry{all[i].filename().string(), checkpoint_bytes(all[i]), 0,
                           reason_to_keep(all[i], run.checkpoints(), newest)};
    if (entry.why.empty()) {
      run.require_own();
      if (!request.dry_run) discard(all[i]);
    } else if (request.drop_optimizer && request.dry_run) {
      entry.after = entry.before - std::min(entry.before, optimizer_bytes(all[i]));
    } else {
      if (request.drop_optimizer && optimizer_bytes(all[i]) > 0) drop_optimizer(run, all[i]);
      entry.after = checkpoint_bytes(all[i]);
    }
    list.push_back(std::move(entry));
  }
  return list;
}

std::uint64_t run_bytes(const fs::path& path) {
  std::uint64_t sum = 0;
  std::error_code error;
  for (fs::recursive_directory_iterator entry(path, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code gone;
    if (!entry->is_regular_file(gone) || entry->is_symlink(gone)) continue;
    const auto size = entry->file_size(gone);
    if (!gone) sum += size;
  }
  return sum;
}

}  // namespace mlrun::engine
