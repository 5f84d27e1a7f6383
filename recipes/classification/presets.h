#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "config/options.h"
#include "data/transforms/transform.h"

/// What torchvision's reference scripts do to images, under the names of their flags.
namespace mlrun::classification {

struct TrainPreset {
  std::optional<std::int64_t> crop_size;     ///< null: the context's input_size
  std::optional<std::string> interpolation;  ///< null: the context's
  double hflip_prob = 0.5;
  std::optional<std::string> auto_augment;
  std::int64_t ra_magnitude = 9;
  std::int64_t augmix_severity = 3;
  double random_erase = 0;
  static void declare(config::Declare<TrainPreset>& d);
};

struct EvalPreset {
  std::optional<std::int64_t> crop_size;     ///< null: the context's input_size
  std::optional<std::int64_t> resize_size;   ///< null: the context's
  std::optional<std::string> interpolation;  ///< null: the context's
  static void declare(config::Declare<EvalPreset>& d);
};

/// Adds `classification_train` and `classification_eval`.
void add_presets(data::TransformFactory& factory);

}  // namespace mlrun::classification
