#include "engine/train/freeze.h"

#include <algorithm>

#include "base/error.h"
#include "nn/norm.h"
#include "weights/patterns.h"

namespace mlrun::engine {
namespace {

struct NamedParameter {
  std::string name;
  torch::Tensor tensor;
};

std::vector<NamedParameter> all_parameters(const Models& models) {
  std::vector<NamedParameter> all;
  for (const auto& [model, layer] : models) {
    const std::string prefix = models.size() == 1 ? "" : model + ".";
    for (const auto& item : layer->named_parameters()) all.push_back({prefix + item.key(), item.value()});
  }
  return all;
}

[[noreturn]] void fail_unmatched(const std::vector<NamedParameter>& all, const std::string& pattern,
                                 std::size_t place) {
  std::vector<std::string> names;
  for (const auto& parameter : all) names.push_back(parameter.name);
  const std::string guess = weights::nearest_name(pattern, names);
  Problem problem;
  problem.key = "model.freeze." + std::to_string(place);
  problem.message = "'" + pattern + "' matches no parameter of the model";
  problem.hint = guess.empty() ? "`mlrun inspect --model NAME` shows the layers" : guess;
  throw UserError(problem);
}

/// A batch norm (of any number of dimensions) with parameters that are all frozen.
bool is_frozen_norm(nn::Layer& layer) {
  if (dynamic_cast<nn::BatchNorm*>(&layer) == nullptr) return false;
  const auto own = layer.parameters(/*recurse=*/false);
  const auto frozen = [](const torch::Tensor& parameter) { return !parameter.requires_grad(); };
  return !own.empty() && std::all_of(own.begin(), own.end(), frozen);
}

}  // namespace

FrozenStages::FrozenStages(const Models& models, const std::vector<std::string>& patterns) {
  if (patterns.empty()) return;
  auto all = all_parameters(models);
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    bool used = false;
    for (auto& parameter : all) {
      if (!weights::matches(patterns[i], parameter.name)) continue;
      used = true;
      parameter.tensor.set_requires_grad(false);
    }
    if (!used) fail_unmatched(all, patterns[i], i);
  }
  bool any_left = false;
  for (const auto& parameter : all) {
    any_left = any_left || parameter.tensor.requires_grad();
    if (!parameter.tensor.requires_grad()) parameters_ += parameter.tensor.numel();
  }
  if (!any_left) {
    throw UserError(Problem{"", 0, 0, "model.freeze", "leaves no parameter to train", "freeze fewer stages"});
  }
  for (const auto& model : models) {
    owners_.push_back(model.second);
    for (nn::Layer* layer : model.second->all_layers()) {
      if (is_frozen_norm(*layer)) norms_.push_back(layer);
    }
  }
}

void FrozenStages::train(const Models& models) const {
  for (const auto& model : models) model.second->train();
  for (nn::Layer* norm : norms_) norm->eval();
}

}  // namespace mlrun::engine
