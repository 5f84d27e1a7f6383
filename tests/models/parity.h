#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "catch.h"
#include "models/registry.h"

/// What the tests of parity share. Inputs and projections are those of scripts/fixtures/models.py.
namespace mlrun::test {

using State = std::vector<std::pair<std::string, torch::Tensor>>;

/// Float64 values in [-0.5, 0.5) that are exact in any language.
torch::Tensor formula(std::vector<int64_t> shape);

/// The sum of `formula` times `tensor`, in float64.
double projection(const torch::Tensor& tensor);

/// SHA-256 of the tensor's bytes.
std::string digest(const torch::Tensor& tensor);

/// SHA-256 of the bytes of all tensors, one after another.
std::string digest(const State& state);

/// The model `name` with these options changed, weights not yet drawn. Unknown options fail the test.
std::shared_ptr<nn::Layer> make_model(const std::string& name, const Json& options = Json::object(),
                                      const models::ModelRequest& request = {});

/// Moves every parameter, the same way as the script does where a fixture has `stir`.
void stir(nn::Layer& model, const Json& expected);

/// Floating parameters and buffers in float64; index tables and counters stay.
void widen(nn::Layer& model);

/// Sets the fields of an options struct by their names; unknown names fail the test.
template <class Options>
Options options_of(const Json& values) {
  Options options;
  const auto spec = config::spec_of<Options>();
  for (const auto& [key, value] : values.items()) {
    INFO(key);
    REQUIRE(spec->find(key));
    spec->find(key)->set(&options, value);
  }
  return options;
}

/// "key shape dtype" line by line, as the scripts write it.
std::string described(const State& state);

int64_t count_parameters(const nn::Layer& model);

/// Checks the outputs [N, classes] of an evaluation against a fixture's `logits` (the first of each
/// row), `largest` (absolute) and `projection`, to 1e-5 of the largest.
void check_logits(const torch::Tensor& logits, const Json& expected);

}  // namespace mlrun::test
