#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "data/read_samples.h"
#include "engine/task.h"

/// The samples that the ranges of activations are found on.
namespace mlrun::quant {

/// Positions in `source`, `count` of them or all there are: drawn by `seed`, taken from each class in turn, so that
/// no class is left out for the order of a folder.
std::vector<std::int64_t> spread_over_classes(const data::Source& source, std::int64_t count, std::uint64_t seed);

struct CalibrationOptions {
  std::int64_t samples = 512;
  std::uint64_t seed = 0;
  std::int64_t batch_size = 32;
  data::OnError on_error = data::OnError::Fail;
};

/// What the task's models are given of one batch, by their names.
using ModelInputs = std::map<std::string, nn::Tensors>;

/// Training samples as evaluation sees them, in batches. UserError where there are none, where none can be read, and
/// where all say the same.
std::vector<ModelInputs> calibration_batches(engine::Task& task, const CalibrationOptions& options);

}  // namespace mlrun::quant
