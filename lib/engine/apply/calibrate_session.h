#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/apply/apply_session.h"
#include "metrics/temperature.h"

namespace mlrun::engine {

struct CalibrateRequest {
  const config::Resolved& resolved;
  WeightChoice weights;
  data::Split split = data::Split::Val;  ///< whose samples the temperature is fitted to
  std::filesystem::path out;             ///< safetensors
  bool force = false;                    ///< replaces a file that exists
  bool progress = true;
};

struct CalibrateResult {
  std::string data, weights;
  metrics::Temperature temperature;
  Evaluation before, after;  ///< of `split`
};

/// Fits a temperature to what the weights say of a split and divides the model's last layer by it, so that whatever
/// uses the new weights (predict, exports, int8) has the new probabilities; the order of classes stays. That the
/// outputs become those divided by the temperature is seen before the weights are written. UserError where the task
/// chooses no class, has several models, or its last layer does not scale what it puts out.
CalibrateResult calibrate(const TaskFactory& tasks, const CalibrateRequest& request);

}  // namespace mlrun::engine
