#pragma once

#include <memory>
#include <optional>

#include "models/backbone.h"
#include "models/published.h"
#include "models/registry.h"

/// For registry.cpp and the sources of the architectures: each family puts its names in.
namespace mlrun::models {

void add_resnets(ModelFactory& factory);
void add_mobilenet_v2(ModelFactory& factory);
void add_mobilenets_v3(ModelFactory& factory);
void add_mobilenets_multi(ModelFactory& factory);
void add_mnasnets(ModelFactory& factory);
void add_shufflenets_v2(ModelFactory& factory);
void add_efficientnets(ModelFactory& factory);
void add_regnets(ModelFactory& factory);
void add_alexnet(ModelFactory& factory);
void add_vggs(ModelFactory& factory);
void add_squeezenets(ModelFactory& factory);
void add_googlenet(ModelFactory& factory);
void add_inception_v3(ModelFactory& factory);
void add_densenets(ModelFactory& factory);
void add_cifar_vggs(ModelFactory& factory);
void add_cifar_resnets(ModelFactory& factory);
void add_small_cnn(ModelFactory& factory);
void add_convnexts(ModelFactory& factory);
void add_vits(ModelFactory& factory);
void add_swins(ModelFactory& factory);
void add_maxvits(ModelFactory& factory);
void add_segmenters(ModelFactory& factory);
void add_unet(ModelFactory& factory);
void add_mosaic(ModelFactory& factory);
void add_detectors(ModelFactory& factory);

void add_resnet_bodies(BodyFactory& factory);
void add_mobilenet_v2_body(BodyFactory& factory);
void add_mobilenet_v3_bodies(BodyFactory& factory);
void add_mobilenet_multi_bodies(BodyFactory& factory);
void add_mnasnet_bodies(BodyFactory& factory);
void add_shufflenet_v2_bodies(BodyFactory& factory);
void add_efficientnet_bodies(BodyFactory& factory);
void add_regnet_bodies(BodyFactory& factory);
void add_vgg_bodies(BodyFactory& factory);
void add_densenet_bodies(BodyFactory& factory);
void add_convnext_bodies(BodyFactory& factory);

/// What `backbones()` says of a network: whether it has batch norms, and how many of its stages can be dilated.
inline Json body_facts(bool norms, int64_t dilated = 0) { return {{"norms", norms}, {"dilated", dilated}}; }

constexpr const char* kNumClassesHelp = "outputs; null: as many as the data has classes";

/// The number of outputs: the recipe's, else the data's.
inline int64_t outputs(const std::optional<int64_t>& option, const ModelRequest& request) {
  return option.value_or(request.outputs);
}

/// A finished model: builds it and names its layers.
template <class Model, class... Arguments>
std::shared_ptr<nn::Layer> build(Arguments&&... arguments) {
  auto model = std::make_shared<Model>(std::forward<Arguments>(arguments)...);
  nn::name_layers(*model);
  return model;
}

}  // namespace mlrun::models
