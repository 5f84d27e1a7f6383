#include "deploy/onnx/builder.h"

#include "support.h"

using namespace mlrun;
using deploy::OnnxBuilder;

namespace {

std::vector<std::string> names_of(const deploy::OnnxGraph& graph) {
  std::vector<std::string> names;
  for (const auto& node : graph.nodes) names.push_back(node.name);
  return names;
}

}  // namespace

TEST_CASE("nodes are called after their layers, once each, and quantizers shortly", "[deploy]") {
  OnnxBuilder onnx(17);
  onnx.add_input({"input", torch::kFloat, std::vector<std::int64_t>{-1, 4}});
  onnx.enter("block.0");
  const std::string first = onnx.add("Relu", {"input"}), second = onnx.add("Relu", {first});
  onnx.enter("");
  const std::string q = onnx.add("QuantizeLinear", {second}), dq = onnx.add("DequantizeLinear", {q});
  const auto parts = onnx.add_many("Split", {dq}, {}, 2);
  CHECK(parts == std::vector<std::string>{"Split.0", "Split.1"});
  onnx.add_output(parts[0], {"left", torch::kFloat, {}});
  onnx.add_output(parts[1], {"right", torch::kFloat, {}});
  const deploy::OnnxGraph graph = onnx.finish();
  CHECK(names_of(graph) == std::vector<std::string>{"block.0/Relu", "block.0/Relu_1", "Q", "DQ", "Split"});
  CHECK(graph.nodes.back().outputs == std::vector<std::string>{"left", "right"});
  CHECK(graph.nodes[1].inputs == std::vector<std::string>{"block.0/Relu"});
}

TEST_CASE("the same memory in the same shape is one constant, other shapes of it are others", "[deploy]") {
  OnnxBuilder onnx(17);
  const torch::Tensor weight = torch::rand({4, 4});
  CHECK(onnx.constant(weight, "weight") == "weight");
  CHECK(onnx.constant(weight, "again") == "weight");
  CHECK(onnx.constant(weight.t(), "weight.T") == "weight.T");
  CHECK(onnx.constant(weight.view({16}), "weight") == "weight_1");
  CHECK(onnx.constant(weight.clone(), "weight") == "weight_2");
  CHECK(onnx.ints({0, -1}) == "constants/0,-1");
  CHECK(onnx.ints({0, -1}) == onnx.ints({0, -1}));
  CHECK(onnx.scalar(0.1, torch::kFloat) == "constants/Float:0.100000001");
  CHECK(onnx.scalar(0.1, torch::kDouble) == "constants/Double:0.10000000000000001");
  CHECK(onnx.scalar(3, torch::kByte) != onnx.scalar(3, torch::kChar));
  CHECK(onnx.zeros(3, torch::kChar) != onnx.zeros(4, torch::kChar));
}

TEST_CASE("what leads to no output is left out, with its constants", "[deploy]") {
  OnnxBuilder onnx(13);
  onnx.add_input({"x", torch::kFloat, {}});
  const std::string kept = onnx.add("Add", {"x", onnx.constant(torch::ones({1}), "kept")});
  onnx.add("Mul", {kept, onnx.constant(torch::ones({1}), "lost")});
  onnx.add_output(kept, {"y", torch::kFloat, {}});
  const deploy::OnnxGraph graph = onnx.finish();
  CHECK(names_of(graph) == std::vector<std::string>{"Add"});
  CHECK(graph.constants.count("kept") == 1);
  CHECK(graph.constants.size() == 1);
  CHECK(graph.ir_version == 7);
  CHECK(OnnxBuilder(15).finish().ir_version == 8);
}

TEST_CASE("inputs and values that are outputs twice get a node of their own", "[deploy]") {
  OnnxBuilder onnx(17);
  onnx.add_input({"x", torch::kFloat, {}});
  const std::string value = onnx.add("Neg", {"x"});
  onnx.add_output(value, {"first", torch::kFloat, {}});
  onnx.add_output("first", {"second", torch::kFloat, {}});
  onnx.add_output("x", {"third", torch::kFloat, {}});
  const deploy::OnnxGraph graph = onnx.finish();
  REQUIRE(graph.nodes.size() == 3);
  CHECK(graph.nodes[0].outputs.front() == "first");
  CHECK(graph.nodes[1].type == "Identity");
  CHECK(graph.nodes[1].inputs.front() == "first");
  CHECK(graph.nodes[1].outputs.front() == "second");
  CHECK(graph.nodes[2].inputs.front() == "x");
}

TEST_CASE("types that ONNX has are numbered as its files do, others are refused", "[deploy]") {
  const std::vector<std::pair<torch::ScalarType, std::int64_t>> types = {
      {torch::kFloat, 1}, {torch::kByte, 2},  {torch::kChar, 3},    {torch::kInt, 6},      {torch::kLong, 7},
      {torch::kBool, 9},  {torch::kHalf, 10}, {torch::kDouble, 11}, {torch::kBFloat16, 16}};
  for (const auto& [type, number] : types) CHECK(deploy::onnx_element_type(type) == number);
  CHECK(test::user_error([] { deploy::onnx_element_type(torch::kComplexFloat); }) ==
        "ONNX files have no tensors of ComplexFloat");
}
