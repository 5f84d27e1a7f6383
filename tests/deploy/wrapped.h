#pragma once

#include <algorithm>
#include <functional>
#include <string>

#include "deploy/onnx/graph.h"
#include "nn/layer.h"

/// What tests of the ONNX writer share.
namespace mlrun::test {

/// A layer around a function, as models have none.
class Wrapped : public nn::UnaryLayer {
 public:
  using Function = std::function<torch::Tensor(const torch::Tensor&)>;
  explicit Wrapped(Function function) : UnaryLayer("Wrapped"), function_(std::move(function)) {}
  torch::Tensor forward(const torch::Tensor& input) override { return function_(input); }

 private:
  Function function_;
};

/// Operators of this type.
inline std::int64_t count(const deploy::OnnxGraph& graph, const std::string& type) {
  return std::count_if(graph.nodes.begin(), graph.nodes.end(), [&](const auto& node) { return node.type == type; });
}

}  // namespace mlrun::test
