#pragma once

#include <memory>
#include <string>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "optim/optimizer.h"
#include "support.h"

/// What the tests of optimizers share.
namespace mlrun::test {

/// The component `name` of a registry with `options` set through its declaration, as a recipe would.
inline config::Component component(const config::Registry& registry, const std::string& name, const Json& options) {
  const config::Entry& entry = registry.at(name);
  config::Component component{name, entry.options->make()};
  for (const auto& [key, value] : options.items()) {
    const config::Field* field = entry.options->find(key);
    REQUIRE(field != nullptr);
    field->set(component.options.get(), value);
  }
  return component;
}

inline std::unique_ptr<optim::Optimizer> optimizer(const std::string& name, const Json& options,
                                                   optim::NamedTensors parameters) {
  return optim::optimizers().make(component(optim::optimizers(), name, options), std::move(parameters));
}

/// What the rules of `name` say of `options`; empty where they are kept.
inline std::string broken_rule(const config::Registry& registry, const std::string& name, const Json& options) {
  const config::Component made = component(registry, name, options);
  for (const auto& rule : registry.at(name).options->rules) {
    const std::string wrong = rule.broken(made.options.get());
    if (!wrong.empty()) return rule.key + ": " + wrong;
  }
  return "";
}

/// The starts and gradients of scripts/fixtures/optim.py, as float64 [size].
inline torch::Tensor start_values(std::int64_t size) {
  const auto values = torch::empty({size}, torch::kFloat64);
  for (std::int64_t i = 0; i < size; ++i) {
    const auto share = static_cast<double>((i * 7919 + 17) % 1000) / 1000;
    values.data_ptr<double>()[i] = (i % 2 == 0 ? 1 : -1) * (0.5 + share);
  }
  return values;
}

inline torch::Tensor gradient_values(std::int64_t size, std::int64_t t) {
  const auto values = torch::empty({size}, torch::kFloat64);
  for (std::int64_t i = 0; i < size; ++i) {
    const std::int64_t mixed = ((i + 1) * (t + 1) * 7919 + (i + 1) * 104729 + t * 1299709) % 10007;
    values.data_ptr<double>()[i] = static_cast<double>(mixed) / 10007 - 0.5;
  }
  return values;
}

/// The largest |a - b| / |b| over all elements, computed in float64.
inline double relative_difference(const torch::Tensor& a, const torch::Tensor& b) {
  const auto exact = b.detach().to(torch::kFloat64);
  return ((a.detach().to(torch::kFloat64) - exact) / exact).abs().max().item<double>();
}

/// Every update rule in the settings that differ in what they compute or keep.
inline std::vector<std::pair<std::string, Json>> optimizer_variants() {
  return {
      {"sgd", Json::object()},
      {"sgd", {{"weight_decay", 0.1}}},
      {"sgd", {{"momentum", 0.9}, {"dampening", 0.2}}},
      {"sgd", {{"momentum", 0.9}, {"nesterov", true}, {"weight_decay", 0.1}}},
      {"adam", Json::object()},
      {"adam", {{"weight_decay", 0.1}}},
      {"adam", {{"amsgrad", true}, {"betas", {0.8, 0.9}}}},
      {"adamw", {{"weight_decay", 0.2}}},
      {"adamw", {{"amsgrad", true}}},
      {"rmsprop", Json::object()},
      {"rmsprop", {{"momentum", 0.9}, {"weight_decay", 0.1}}},
      {"rmsprop", {{"centered", true}, {"eps", 1e-3}}},
      {"rmsprop", {{"centered", true}, {"momentum", 0.9}, {"weight_decay", 0.1}, {"eps", 1e-3}}},
      {"rmsprop",
       {{"eps_inside_sqrt", true}, {"initial_square_avg", 1.0}, {"momentum", 0.9}, {"lr_in_momentum", true}}},
  };
}

}  // namespace mlrun::test
