#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "config/layers.h"
#include "config/recipe.h"
#include "models/published.h"
#include "nn/layer.h"

namespace mlrun::models {

/// An architecture with options but without a recipe, as the command line names it.
struct NamedModel {
  config::ModelSection section;
  std::string task;                  ///< that the architecture is of
  std::shared_ptr<nn::Layer> layer;  ///< its weights are not initialised
  std::int64_t input_size = 0;       ///< pixels; the model's `image_size` where it has that option
  std::int64_t num_classes = 0;
  std::int64_t channels = 0;
};

/// Builds `name` with options such as `model.num_classes=10`; without them it is as published.
/// UserErrors as of a recipe's `model` section; overrides of other sections are refused.
NamedModel make_named(const std::string& name, const std::vector<config::Override>& overrides);

/// A recipe (YAML) that trains `model` by SGD with momentum on `batch` made-up images, `size` pixels a side, of the
/// source `format`, whose options are called as those of `synthetic`. `transform` prepares them; empty: `normalize`.
std::string made_up_recipe(const NamedModel& model, const std::string& format, std::int64_t batch, std::int64_t size,
                           const std::string& transform = "");

/// Whether the last layer starts anew.
bool reinitialises(const config::ModelSection& section);

/// The published weights that the section names, of its architecture or of a backbone; null where it names a file or
/// nothing.
const PublishedWeights* published_weights_of(const config::ModelSection& section);

/// Options that upstream's builder sets for the published weights that the section names, and that the section leaves
/// null: `norm`, `norm_eps`, `trainable_stages` as the architecture's facts have them (`pretrained`: of `any` weights,
/// its backbone's too, and of single entries of its own), and `num_classes` where its own weights keep their head.
/// Empty where there are none.
Json options_for_weights(const config::ModelSection& section);

/// The section's architecture with `options_for_weights`: what is to be built.
config::Component architecture_for_weights(const config::ModelSection& section);

/// UserError where the architecture's `num_classes` is set, and not the number of the data's classes.
void check_num_classes(const config::Component& architecture, std::int64_t classes);

/// An integer option of the architecture; nothing where it has none of this name, or null.
std::optional<std::int64_t> integer_option(const config::Component& architecture, const std::string& name);

/// How images reach the model at evaluation: `input_size`, `resize_size` and, where they are known,
/// `interpolation`, `mean`, `std`. They are those of the published weights that the section names,
/// else of the architecture; a model with another `image_size` scales both sizes.
Json preprocessing_facts(const config::ModelSection& section);

/// The model of a recipe whose text is at hand, as weight files carry it, for the form of it: not initialised, and with
/// as many classes and channels as published. Null where the text has no such model.
std::shared_ptr<nn::Layer> model_of_recipe(const std::string& text);

}  // namespace mlrun::models
