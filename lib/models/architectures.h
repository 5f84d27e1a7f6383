#pragma once

#include <memory>
#include <optional>

#include "models/registry.h"

/// For registry.cpp and the sources of the architectures: each family puts its names in.
namespace mlrun::models {

void add_resnets(ModelFactory& factory);
void add_mobilenets_v3(ModelFactory& factory);
void add_small_cnn(ModelFactory& factory);

/// Figures published with a set of weights.
struct Published {
  double acc1 = 0, acc5 = 0;  ///< percent, ImageNet-1K validation
  const char* weights = "";
  const char* source = "";
};

/// The facts of a classifier of 224 px ImageNet images, as torchvision's presets evaluate it.
Json imagenet_facts(const Published& published);

constexpr const char* kNumClassesHelp = "outputs; null: as many as the data has classes";

/// The number of outputs: the recipe's, else the data's.
inline int64_t outputs(const std::optional<int64_t>& option, const ModelRequest& request) {
  return option.value_or(request.num_classes);
}

/// A finished model: builds it and names its layers.
template <class Model, class... Arguments>
std::shared_ptr<nn::Layer> build(Arguments&&... arguments) {
  auto model = std::make_shared<Model>(std::forward<Arguments>(arguments)...);
  nn::name_layers(*model);
  return model;
}

}  // namespace mlrun::models
