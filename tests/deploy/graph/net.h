#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "deploy/graph/graph.h"
#include "nn/branches.h"
#include "nn/layers.h"
#include "nn/norm.h"
#include "nn/pooling.h"
#include "nn/repeated.h"
#include "support.h"

/// Models of a few layers, to see what graphs make of them.
namespace mlrun::test {

/// Layers by name, and how they are called.
class Net : public nn::UnaryLayer {
 public:
  using Parts = std::map<std::string, std::shared_ptr<nn::Layer>>;
  using Body = std::function<torch::Tensor(const Net&, const torch::Tensor&)>;

  Net(const Parts& parts, Body body) : UnaryLayer("Net"), body_(std::move(body)) {
    for (const auto& [name, layer] : parts) parts_[name] = add(name, layer);
  }
  torch::Tensor forward(const torch::Tensor& input) override { return body_(*this, input); }

  nn::Tensors all(const std::string& name, const nn::Tensors& inputs) const { return call(*parts_.at(name), inputs); }
  torch::Tensor operator()(const std::string& name, const torch::Tensor& x) const { return all(name, {x}).front(); }
  torch::Tensor operator()(const std::string& name, const torch::Tensor& a, const torch::Tensor& b) const {
    return all(name, {a, b}).front();
  }
  using nn::UnaryLayer::operator();

 private:
  Parts parts_;
  Body body_;
};

inline std::shared_ptr<Net> net(const Net::Parts& parts, Net::Body body) {
  return drawn(std::make_shared<Net>(parts, std::move(body)));
}

inline std::shared_ptr<nn::Layer> conv_of(const nn::Conv2dOptions& options) {
  return std::make_shared<nn::Conv2d>(options);
}
inline std::shared_ptr<nn::Layer> act_of(nn::Act kind) { return std::make_shared<nn::Activation>(kind); }
template <class Layer, class... Arguments>
std::shared_ptr<nn::Layer> layer(Arguments&&... arguments) {
  return std::make_shared<Layer>(std::forward<Arguments>(arguments)...);
}

/// The graph of a model gives what its layers give, for images of each of these sizes, twice, and leaves its input
/// alone. What the first of them is made of.
inline deploy::GraphStatistics check_as_eager(nn::Layer& model, const std::vector<std::vector<std::int64_t>>& sizes) {
  const torch::NoGradGuard no_gradients;
  deploy::InferenceGraph graph(model, noise(sizes.front()));
  for (const auto& size : sizes) {
    INFO("input " << at::IntArrayRef(size));
    const torch::Tensor input = noise(size), before = input.clone(), expected = model(input.clone());
    for (int pass = 0; pass < 2; ++pass) {
      const torch::Tensor given = graph(input);
      REQUIRE(given.sizes() == expected.sizes());
      CHECK(torch::allclose(given, expected, 1e-4, 1e-4 * expected.abs().max().item<double>()));
    }
    CHECK(input.equal(before));
  }
  return graph.statistics(noise(sizes.front()));
}

}  // namespace mlrun::test
