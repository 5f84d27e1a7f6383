#include "deploy/bench/subject.h"

#include "base/error.h"
#include "engine/train/initial_weights.h"
#include "models/named_model.h"
#include "nn/profile.h"

namespace mlrun::deploy {
namespace {

constexpr const char* kWeightsKey = "model.weights";

std::vector<config::Override> of_model(const std::vector<config::Override>& overrides) {
  std::vector<config::Override> found;
  for (const auto& override : overrides) {
    if (override.key == "model" || override.key.rfind("model.", 0) == 0) found.push_back(override);
  }
  return found;
}

}  // namespace

BenchSubject bench_subject(const std::string& name, const std::vector<config::Override>& overrides) {
  const models::NamedModel model = models::make_named(name, overrides);
  nn::initialise(*model.layer, 0);
  if (model.section.weights.file) engine::load_initial_weights(*model.layer, model.section);
  model.layer->eval();
  const std::string weights = model.section.weights.file ? model.section.weights.file->string() : "seed 0";
  return {name, weights, model.layer, model.channels, model.input_size};
}

BenchSubject bench_subject(const engine::TaskFactory& tasks, const config::Resolved& resolved,
                           const engine::WeightChoice& weights) {
  config::Resolved here = resolved;
  here.recipe.train.device = "cpu";
  here.recipe.train.memory_format = "contiguous";
  const engine::Loaded loaded = engine::load(tasks, here, weights);
  BenchSubject subject;
  subject.name = resolved.recipe.model.architecture.name;
  subject.weights = loaded.weights;
  subject.model = loaded.task->models().front().second;
  subject.model->eval();
  const Json preprocessing = loaded.task->preprocessing();
  subject.channels = preprocessing.at("channels").get<std::int64_t>();
  subject.input_size = preprocessing.at("input_size").get<std::int64_t>();
  return subject;
}

config::Resolved bench_recipe(const config::Catalogue& catalogue, const std::string& name,
                              const std::vector<config::Override>& overrides, std::int64_t batch, std::int64_t size) {
  const models::NamedModel model = models::make_named(name, of_model(overrides));
  const std::string pixels = std::to_string(size > 0 ? size : model.input_size);
  const std::string normalize = model.channels == 3 ? "normalize" : "{name: normalize, mean: [0.5], std: [0.5]}";
  const std::string text =
      "task: classification\nmodel: {name: " + name +
      "}\ndata: {format: synthetic, val_samples: 0, test_samples: 0, train_samples: " + std::to_string(batch) +
      ", num_classes: " + std::to_string(model.num_classes) + ", height: " + pixels + ", width: " + pixels +
      ", channels: " + std::to_string(model.channels) + ", augment: [" + normalize + "], preprocess: [" + normalize +
      "]}\ntrain: {batch_size: " + std::to_string(batch) +
      ", memory_format: auto}\noptimizer: {name: sgd, lr: 0.01, momentum: 0.9}\n";
  config::LayerRequest request{"--model " + name, {}};
  for (const auto& override : overrides) {
    if (override.key != kWeightsKey) request.overrides.push_back(override);  // speed does not depend on them
  }
  return config::resolve(text, request, catalogue);
}

std::int64_t count_macs(nn::Layer& model, const std::string& name, std::int64_t channels, std::int64_t size) {
  const std::string what = name + " takes no images of " + std::to_string(size) + " px";
  try {
    return nn::profile(model, {1, channels, size, size}).macs;
  } catch (const UserError& error) {
    throw UserError(what + ": " + error.problems().front().message, "choose another --size");
  } catch (const c10::Error&) {
    throw UserError(what, "choose another --size, or leave it out");
  }
}

}  // namespace mlrun::deploy
