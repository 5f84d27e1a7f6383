#include "engine/run/model_state.h"

#include <algorithm>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "weights/load.h"

namespace mlrun::engine {

void draw_weights(const Models& models, std::uint64_t seed) {
  const torch::NoGradGuard no_gradients;
  torch::manual_seed(seed);
  for (const auto& model : models) {
    model.second->reset();
    model.second->initialise_weights();
  }
}

weights::NamedTensors model_tensors(const Models& models) {
  weights::NamedTensors all;
  for (const auto& [name, model] : models) {
    const std::string prefix = models.size() == 1 ? "" : name + ".";
    for (const auto& [key, tensor] : nn::state_dict(*model)) all.emplace_back(prefix + key, tensor);
  }
  return all;
}

namespace {

/// Every name must begin with a model's: what no model would ask for is named before anything is copied.
void refuse_strangers(const Models& models, const weights::NamedTensors& tensors, const std::string& file) {
  std::string strangers;
  for (const auto& item : tensors) {
    const bool known = std::any_of(models.begin(), models.end(),
                                   [&](const auto& model) { return item.first.rfind(model.first + ".", 0) == 0; });
    if (!known) strangers += (strangers.empty() ? "" : ", ") + item.first;
  }
  if (!strangers.empty()) throw file_error(file, "has tensors of no model of this task: " + strangers);
}

}  // namespace

void load_model_tensors(const Models& models, const weights::NamedTensors& tensors, const std::string& file) {
  if (models.size() == 1) return weights::load_weights(*models.front().second, tensors, file);
  refuse_strangers(models, tensors, file);
  for (const auto& [name, model] : models) {
    const std::string prefix = name + ".";
    weights::NamedTensors own;
    for (const auto& [key, tensor] : tensors) {
      if (key.rfind(prefix, 0) == 0) own.emplace_back(key.substr(prefix.size()), tensor);
    }
    weights::load_weights(*model, own, file);
  }
}

std::uint64_t byte_count(const weights::NamedTensors& tensors) {
  std::uint64_t sum = 0;
  for (const auto& item : tensors) sum += item.second.nbytes();
  return sum;
}

}  // namespace mlrun::engine
