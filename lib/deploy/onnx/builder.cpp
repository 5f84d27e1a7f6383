#include "deploy/onnx/builder.h"

#include <algorithm>
#include <sstream>

#include <torch/types.h>

#include "base/error.h"

namespace mlrun::deploy {

std::int64_t onnx_element_type(torch::ScalarType dtype) {
  switch (dtype) {
    case torch::kFloat: return 1;
    case torch::kByte: return 2;
    case torch::kChar: return 3;
    case torch::kInt: return 6;
    case torch::kLong: return 7;
    case torch::kBool: return 9;
    case torch::kHalf: return 10;
    case torch::kDouble: return 11;
    case torch::kBFloat16: return 16;
    default: throw UserError(std::string("ONNX files have no tensors of ") + torch::toString(dtype));
  }
}

OnnxBuilder::OnnxBuilder(std::int64_t opset) {
  graph_.opset = opset;
  graph_.ir_version = opset >= 15 ? 8 : 7;  // what came out with these opsets
}

namespace {

/// What an operator's nodes are called. QDQ pairs are half of an int8 model's nodes, so their names are short.
std::string short_name(const std::string& type) {
  if (type == "QuantizeLinear") return "Q";
  return type == "DequantizeLinear" ? "DQ" : type;
}

}  // namespace

std::string OnnxBuilder::unique(const std::string& name) {
  std::string candidate = name;
  for (int number = 1; !names_.insert(candidate).second; ++number) candidate = name + "_" + std::to_string(number);
  return candidate;
}

void OnnxBuilder::add_input(const OnnxValue& value) {
  names_.insert(value.name);
  graph_.inputs.push_back(value);
}

std::string OnnxBuilder::add(const std::string& type, const std::vector<std::string>& inputs,
                             const OnnxAttributes& attributes) {
  return add_many(type, inputs, attributes, 1).front();
}

std::vector<std::string> OnnxBuilder::add_many(const std::string& type, const std::vector<std::string>& inputs,
                                               const OnnxAttributes& attributes, std::size_t outputs) {
  OnnxNode node;
  node.name = unique(here(short_name(type)));
  node.type = type;
  node.inputs = inputs;
  node.attributes = attributes;
  if (outputs == 1) {
    node.outputs = {node.name};
  } else {
    for (std::size_t i = 0; i < outputs; ++i) node.outputs.push_back(unique(node.name + "." + std::to_string(i)));
  }
  graph_.nodes.push_back(node);
  return node.outputs;
}

std::string OnnxBuilder::constant(const torch::Tensor& tensor, const std::string& name) {
  const Memory memory = {tensor.data_ptr(), tensor.sizes().vec(), tensor.strides().vec(),
                         static_cast<int>(tensor.scalar_type())};
  const auto known = constants_.find(memory);
  if (known != constants_.end()) return known->second;
  const std::string chosen = unique(name);
  graph_.constants[chosen] = tensor.detach();
  constants_[memory] = chosen;
  return chosen;
}

std::string OnnxBuilder::ints(const std::vector<std::int64_t>& values) {
  std::ostringstream name;
  name << "constants/";
  for (std::size_t i = 0; i < values.size(); ++i) name << (i == 0 ? "" : ",") << values[i];
  if (graph_.constants.count(name.str()) == 0) {
    names_.insert(name.str());
    graph_.constants[name.str()] = torch::tensor(values, torch::kLong);
  }
  return name.str();
}

std::string OnnxBuilder::scalar(double value, torch::ScalarType dtype) {
  std::ostringstream name;
  name.precision(dtype == torch::kFloat ? 9 : 17);  // digits that tell any two numbers apart
  name << "constants/" << torch::toString(dtype) << ":" << (dtype == torch::kFloat ? static_cast<float>(value) : value);
  if (graph_.constants.count(name.str()) == 0) {
    names_.insert(name.str());
    graph_.constants[name.str()] = torch::scalar_tensor(value, torch::TensorOptions().dtype(dtype));
  }
  return name.str();
}

std::string OnnxBuilder::zeros(std::int64_t count, torch::ScalarType dtype) {
  const std::string name = std::string("constants/") + torch::toString(dtype) + ":0[" + std::to_string(count) + "]";
  if (graph_.constants.count(name) == 0) {
    names_.insert(name);
    graph_.constants[name] = torch::zeros({count}, torch::TensorOptions().dtype(dtype));
  }
  return name;
}

void OnnxBuilder::add_output(const std::string& value, const OnnxValue& output) {
  path_.clear();
  const bool made = std::any_of(graph_.nodes.begin(), graph_.nodes.end(), [&](const OnnxNode& node) {
    return std::find(node.outputs.begin(), node.outputs.end(), value) != node.outputs.end();
  });
  const bool taken = std::any_of(graph_.outputs.begin(), graph_.outputs.end(),
                                 [&](const OnnxValue& other) { return other.name == value; });
  rename(made && !taken ? value : add("Identity", {value}), output.name);
  graph_.outputs.push_back(output);
}

OnnxGraph OnnxBuilder::finish() {
  remove_unused();
  return graph_;
}

void OnnxBuilder::rename(const std::string& value, const std::string& name) {
  for (auto& node : graph_.nodes) {
    std::replace(node.inputs.begin(), node.inputs.end(), value, name);
    std::replace(node.outputs.begin(), node.outputs.end(), value, name);
  }
}

void OnnxBuilder::remove_unused() {
  std::set<std::string> used;
  for (const auto& output : graph_.outputs) used.insert(output.name);
  std::vector<OnnxNode> kept;
  for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node) {
    const auto wanted = [&](const std::string& name) { return used.count(name) > 0; };
    if (std::none_of(node->outputs.begin(), node->outputs.end(), wanted)) continue;
    used.insert(node->inputs.begin(), node->inputs.end());
    kept.push_back(*node);
  }
  graph_.nodes.assign(kept.rbegin(), kept.rend());
  for (auto item = graph_.constants.begin(); item != graph_.constants.end();) {
    item = used.count(item->first) > 0 ? std::next(item) : graph_.constants.erase(item);
  }
}

}  // namespace mlrun::deploy
