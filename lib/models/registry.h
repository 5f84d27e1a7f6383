#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "config/registry.h"
#include "nn/layer.h"

namespace mlrun::models {

/// What the data asks of a model.
struct ModelRequest {
  int64_t num_classes = 1000;  ///< outputs, where the recipe does not set `num_classes`
  int64_t channels = 3;        ///< of the images
};

using ModelFactory = config::Factory<std::shared_ptr<nn::Layer>(const ModelRequest&)>;

/// The architectures. A made model has its paths, and weights that `nn::initialise` or a file must
/// set. An entry's facts are: `task`, `input_size` (pixels, height and width), `resize_size`
/// (shorter side before the centre crop at evaluation), `num_classes` and `channels` (the model as
/// it was published), and, where there are published weights, `metrics` (`acc1`, `acc5` in percent,
/// `weights` that reach them, `source`). `fixed_size` is true of models that take images of one size
/// only (an option of theirs).
const ModelFactory& models();

/// The size of a model as it was published (default options, its own classes and channels).
struct ModelFacts {
  int64_t params = 0;
  std::optional<int64_t> macs;  ///< multiply-adds for one image of `input_size`, see nn::Layer::macs; nothing where
                                ///< they depend on its numbers
  int64_t input_size = 0;
};

/// Counted by building the model without numbers (some milliseconds). UserError for an unknown name.
ModelFacts model_facts(const std::string& name);

}  // namespace mlrun::models
