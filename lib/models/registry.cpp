#include "models/registry.h"

#include "models/architectures.h"
#include "nn/profile.h"

namespace mlrun::models {
namespace {

ModelFactory all_models() {
  ModelFactory factory("model");
  add_small_cnn(factory);
  add_alexnet(factory);
  add_vggs(factory);
  add_squeezenets(factory);
  add_googlenet(factory);
  add_inception_v3(factory);
  add_densenets(factory);
  add_resnets(factory);
  add_mobilenet_v2(factory);
  add_mobilenets_v3(factory);
  add_mobilenets_multi(factory);
  add_mnasnets(factory);
  add_shufflenets_v2(factory);
  add_efficientnets(factory);
  add_regnets(factory);
  add_convnexts(factory);
  add_vits(factory);
  add_swins(factory);
  add_maxvits(factory);
  add_segmenters(factory);
  add_unet(factory);
  add_mosaic(factory);
  add_detectors(factory);
  add_cifar_vggs(factory);
  add_cifar_resnets(factory);
  return factory;
}

}  // namespace

const ModelFactory& models() {
  static const ModelFactory factory = all_models();
  return factory;
}

ModelFacts model_facts(const std::string& name) {
  const Json& facts = models().at(name).facts;
  const ModelRequest request{facts.at("num_classes").get<int64_t>(), facts.at("channels").get<int64_t>()};
  const auto model = models().make(models().defaults(name), request);
  const auto size = facts.at("input_size").get<int64_t>();
  try {
    const nn::Profile profile = nn::profile(*model, {1, request.inputs, size, size});
    return {profile.params, profile.macs, size};
  } catch (const c10::Error&) {  // weights without numbers would give sizes that mean nothing
    return {nn::parameter_count(*model), std::nullopt, size};
  }
}

}  // namespace mlrun::models
