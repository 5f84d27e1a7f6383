#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/registry.h"
#include "nn/layer.h"

namespace mlrun::models {

/// What a task, with its data, asks of a model.
struct ModelRequest {
  int64_t outputs = 1000;  ///< what it puts out for a sample, a pixel, a box: classes, quantities; where the recipe
                           ///< does not set it (`num_classes`)
  int64_t inputs = 3;      ///< channels of images, features of rows
  std::vector<int64_t> cardinalities{};  ///< values of each categorical input
  Json facts{};                          ///< what else of the data decides its shape, under the task's own names
};

using ModelFactory = config::Factory<std::shared_ptr<nn::Layer>(const ModelRequest&)>;

/// The architectures. A made model has its paths, and weights that `nn::initialise` or a file must
/// set. An entry's facts are: `task` (one, or a list), `input_size` (pixels, height and width), `resize_size`
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
