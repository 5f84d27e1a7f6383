#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "weights/file.h"

namespace mlrun::engine {

/// One set of weights to be averaged.
struct AverageInput {
  std::filesystem::path file;
  std::string entry;  ///< nested dictionary of a .pth; empty: the model's by convention
  double share = 1;   ///< of the whole
};

/// Which checkpoints of a run are averaged; exactly one member is set.
struct Selection {
  std::optional<std::int64_t> last;        ///< the newest so many
  std::optional<std::int64_t> best;        ///< the best so many by the run's selecting metric
  std::optional<std::int64_t> from_epoch;  ///< all that were saved when this epoch had been done, or later
  bool minima = false;                     ///< those of a cyclical schedule's minima
};

/// True where a member is set.
bool chooses(const Selection& selection);

/// The checkpoints of `run` that `selection` means (all, where nothing is set), oldest first.
/// `averaged` takes the averages that training left beside the raw weights. UserError where there
/// are fewer than asked for, or none.
std::vector<AverageInput> select_checkpoints(const std::filesystem::path& run, const Selection& selection,
                                             bool averaged);

/// Inputs for files, checkpoint folders and runs (the best weights of each, else the last; with `averaged` the average
/// that its training made) in the given order.
std::vector<AverageInput> inputs_of(const std::vector<std::filesystem::path>& paths, bool averaged);

/// Gives each input its share: equal ones where `shares` is empty. UserError where their number is
/// not the inputs', one is not above 0, or they do not sum to 1 (to 1e-6).
void set_shares(std::vector<AverageInput>& inputs, const std::vector<double>& shares);

/// The average and what it was made of.
struct AveragedWeights {
  weights::NamedTensors tensors;
  weights::Metadata metadata;   ///< the first input's, `averaged_from` (file, sha256, share of each) and `averaging`
  std::set<std::string> seeds;  ///< of the inputs' trainings, those that began with weights drawn from them
};

/// Averages the inputs in the given order: sums in float64 (`ema_decay`: an exponential moving
/// average), one input in memory at a time; integers are the last input's. UserError that says how
/// an input differs from the first, or that it is quantized or damaged.
AveragedWeights average_files(const std::vector<AverageInput>& inputs, std::optional<double> ema_decay);

}  // namespace mlrun::engine
