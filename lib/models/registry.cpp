#include "models/registry.h"

#include "models/architectures.h"
#include "nn/profile.h"

namespace mlrun::models {
namespace {

ModelFactory all_models() {
  ModelFactory factory("model");
  add_small_cnn(factory);
  add_resnets(factory);
  add_mobilenets_v3(factory);
  return factory;
}

}  // namespace

const ModelFactory& models() {
  static const ModelFactory factory = all_models();
  return factory;
}

Json imagenet_facts(const Published& published) {
  return Json{{"task", "classification"},
              {"input_size", 224},
              {"resize_size", 256},
              {"num_classes", 1000},
              {"channels", 3},
              {"metrics",
               {{"acc1", published.acc1},
                {"acc5", published.acc5},
                {"weights", published.weights},
                {"source", published.source}}}};
}

ModelFacts model_facts(const std::string& name) {
  const Json& facts = models().at(name).facts;
  const ModelRequest request{facts.at("num_classes").get<int64_t>(), facts.at("channels").get<int64_t>()};
  const auto model = models().make(models().defaults(name), request);
  const auto size = facts.at("input_size").get<int64_t>();
  const nn::Profile profile = nn::profile(*model, {1, request.channels, size, size});
  return {profile.params, profile.macs, size};
}

}  // namespace mlrun::models
