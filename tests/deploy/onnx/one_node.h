#pragma once

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <torch/types.h>

#include "deploy/onnx/files.h"

/// One operator of ONNX's, as a file with one node has it: what tests of operators share.
namespace mlrun::test {

using Ints = std::vector<std::int64_t>;

struct NodeCall {
  std::string type;
  std::vector<torch::Tensor> inputs;  ///< undefined: not given
  std::map<std::string, deploy::OnnxAttribute> attributes = {};
  std::int64_t opset = 17;
  std::size_t outputs = 1;
};

/// Values between -1 and 1 that differ from one another.
inline torch::Tensor wave(const Ints& shape, double from = 0.3) {
  std::int64_t count = 1;
  for (const auto size : shape) count *= size;
  return torch::arange(count, torch::kDouble).mul(1.7).add(from).sin().to(torch::kFloat).reshape(shape);
}

/// 0, 1, 2 and so on.
inline torch::Tensor counted(const Ints& shape, torch::ScalarType type = torch::kFloat) {
  std::int64_t count = 1;
  for (const auto size : shape) count *= size;
  return torch::arange(count, torch::kLong).to(type).reshape(shape);
}

inline torch::Tensor whole(const Ints& values, torch::ScalarType type = torch::kLong) {
  return torch::tensor(values, torch::kLong).to(type);
}

/// What the reader computes for the node; `constants`: its inputs are the file's.
inline std::vector<torch::Tensor> run_node(const NodeCall& call, bool constants = false) {
  deploy::OnnxGraph graph;
  graph.file = "m.onnx";
  graph.opset = call.opset;
  deploy::OnnxNode node{"the " + call.type, call.type, "", {}, {}, call.attributes};
  std::vector<torch::Tensor> given;
  for (std::size_t i = 0; i < call.inputs.size(); ++i) {
    const std::string name = call.inputs[i].defined() ? "x" + std::to_string(i) : "";
    node.inputs.push_back(name);
    if (name.empty()) continue;
    if (constants) {
      graph.constants[name] = call.inputs[i];
    } else {
      graph.inputs.push_back({name, std::nullopt, std::nullopt});
      given.push_back(call.inputs[i]);
    }
  }
  for (std::size_t i = 0; i < call.outputs; ++i) {
    node.outputs.push_back("y" + std::to_string(i));
    graph.outputs.push_back({node.outputs.back(), std::nullopt, std::nullopt});
  }
  graph.nodes.push_back(std::move(node));
  const deploy::OnnxLimits plenty = {std::int64_t{1} << 30, std::int64_t{1} << 30};
  return deploy::OnnxModel(std::move(graph), plenty).run(given);
}

/// A tensor's first numbers and its sizes.
inline std::string shown(const torch::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.flatten().slice(0, 0, 32) << " of " << tensor.sizes();
  return text.str();
}

/// The node gives `expected`, from inputs, from constants and from views of other memory, and leaves its inputs alone.
inline void check_node(const NodeCall& call, const std::vector<torch::Tensor>& expected, double relative = 1e-5,
                       double absolute = 2e-6) {
  INFO(call.type << ", opset " << call.opset);
  NodeCall views = call;
  std::vector<torch::Tensor> before;
  for (auto& input : views.inputs) {
    before.push_back(input.defined() ? input.clone() : input);
    if (input.defined()) input = torch::stack({input, input}, -1).select(-1, 0);
  }
  for (const auto& outputs : {run_node(call), run_node(call, true), run_node(views)}) {
    REQUIRE(outputs.size() == expected.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      INFO("output " << i << ": " << shown(outputs[i]) << "\nexpected: " << shown(expected[i]));
      CHECK(same(outputs[i], expected[i], relative, absolute));
    }
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i].defined()) CHECK(same(call.inputs[i], before[i], 0, 0));
  }
}

/// Why the node is refused, without file and name, which must be there.
inline std::string node_refusal(const NodeCall& call) {
  const std::string text = user_error([&] { run_node(call); });
  const std::string place =
      "m.onnx: node 'the " + call.type + "' (" + call.type + ", opset " + std::to_string(call.opset) + "): ";
  INFO(text);
  CHECK(text.rfind(place, 0) == 0);
  return text.substr(std::min(place.size(), text.size()));
}

/// Each node is refused with the words beside it.
inline void check_refused(const std::vector<std::pair<NodeCall, std::string>>& rows) {
  for (const auto& [call, words] : rows) {
    INFO(call.type);
    CHECK(node_refusal(call) == words);
  }
}

}  // namespace mlrun::test
