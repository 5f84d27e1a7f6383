#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "data/sources/source.h"
#include "engine/context.h"
#include "engine/task.h"

namespace mlrun::engine {

/// Weights on disk: a checkpoint's, a weight file of any format, or published ones.
struct WeightChoice {
  std::string name;  ///< as results show it: `best`, `last`, `step-00000100`, the file's name, `IMAGENET1K_V1`
  std::filesystem::path file;  ///< or the name of published weights
  /// Puts the file into the models in a way of its own (int8, ONNX): called with models without weights, placed and in
  /// evaluation mode. Empty: by state-dict names.
  std::function<void(const Models& models, const Context& context)> install{};
  /// Of such a file: the data that it was trained on, where it tells.
  std::optional<data::DataInfo> known{};
};

/// The name of a run's calibrated weights, as `--weights` knows them, and of their file in the run (`.safetensors`).
inline constexpr const char* kCalibrated = "calibrated";

/// The averaged weights of a run: those of `best` where an average's figure chose it, else those of
/// `last`; empty where there are none.
std::filesystem::path averaged_weights(const std::filesystem::path& run);

/// The weights `choice` of a run: `best` (else `last`), `last`, `swa` or `ema` (the average that
/// training made; the other is refused), `calibrated` (what `mlrun calibrate` made of it), a checkpoint's name, or a
/// file. UserError that lists the checkpoints there are.
WeightChoice choose_weights(const std::filesystem::path& run, const std::string& choice);

}  // namespace mlrun::engine
