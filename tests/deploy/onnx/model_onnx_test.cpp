#include "deploy/onnx/model.h"

#include <cmath>

#include <onnx/onnx_pb.h>

#include "deploy/onnx/files.h"

namespace mlrun::test {
namespace {

using deploy::OnnxGraph;
using deploy::OnnxModel;
using deploy::OnnxNode;

constexpr deploy::OnnxLimits kPlenty = {std::int64_t{1} << 30, std::int64_t{1} << 30};

OnnxNode node(const std::string& type, std::vector<std::string> inputs, std::vector<std::string> outputs) {
  return {"the " + type, type, "", std::move(inputs), std::move(outputs), {}};
}

/// From `x` (float32 of any shape) to `y`.
OnnxGraph graph(std::vector<OnnxNode> nodes) {
  OnnxGraph made;
  made.file = "m.onnx";
  made.opset = 13;
  made.inputs = {{"x", torch::kFloat, {}}};
  made.outputs = {{"y", torch::kFloat, {}}};
  made.nodes = std::move(nodes);
  return made;
}

std::string refusal(OnnxGraph made, const torch::Tensor& input = torch::ones({2, 3})) {
  return user_error([&] { OnnxModel(std::move(made), kPlenty).run({input}); });
}

}  // namespace

TEST_CASE("networks that PyTorch exported compute what PyTorch computes", "[deploy][onnx]") {
  const OnnxCases cases("onnx_models.safetensors");
  REQUIRE(cases.names().size() == 7);
  const TempDir folder;
  for (const auto& name : cases.names()) {
    INFO(name);
    const OnnxModel model(deploy::read_onnx(cases.write(name, folder / "model.onnx")));
    const torch::Tensor input = cases.values(name, "input").front(), expected = cases.values(name, "output").front();
    CHECK(same(model.run({input}).front(), expected, 1e-5, 1e-5));
    const torch::Tensor three =
        torch::cat({input, input}).narrow(0, 0, 3);  // another batch size than it was traced with
    CHECK(same(model.run({three}).front().narrow(0, 0, 2), expected.narrow(0, 0, 2), 1e-5, 1e-5));
  }
}

TEST_CASE("nodes may stand in any order, and what no output needs is not run", "[deploy][onnx]") {
  const OnnxModel model(
      graph({node("Neg", {"a"}, {"y"}), node("Sqrt", {"x"}, {"a"}), node("Unheard", {"x"}, {"unused"})}), kPlenty);
  CHECK(model.run({torch::full({2}, 9.0F)}).front().equal(torch::full({2}, -3.0F)));
}

TEST_CASE("graphs that cannot be are refused by name", "[deploy][onnx]") {
  CHECK(refusal(graph({node("Neg", {"y"}, {"a"}), node("Neg", {"a"}, {"y"})})).find("in a circle") !=
        std::string::npos);
  CHECK(refusal(graph({node("Neg", {"x"}, {"y"}), node("Abs", {"x"}, {"y"})})).find("two things make the value 'y'") !=
        std::string::npos);
  CHECK(refusal(graph({node("Neg", {"z"}, {"y"})})).find("nothing makes the value 'z', which is for node 'the Neg'") !=
        std::string::npos);
  CHECK(refusal(graph({})).find("nothing makes the value 'y'") != std::string::npos);
  CHECK(refusal(graph({node("Unheard", {"x"}, {"y"})})) ==
        "m.onnx: node 'the Unheard' (Unheard, opset 13): mlrun does not have this operator; run the file with ONNX "
        "Runtime instead");
  CHECK(refusal(graph({node("Add", {"x"}, {"y"})})) ==
        "m.onnx: node 'the Add' (Add, opset 13): its input 2 is missing");
  CHECK(refusal(graph({node("Neg", {"x"}, {"y", "second"})})).find("more outputs than its operator") !=
        std::string::npos);
}

TEST_CASE("attributes of another type, and sizes that come to too much, are refused", "[deploy][onnx]") {
  OnnxGraph wrong = graph({node("Softmax", {"x"}, {"y"})});
  wrong.nodes[0].attributes["axis"] = std::string("1");
  CHECK(refusal(wrong).find("its attribute 'axis' has another type than ONNX says") != std::string::npos);
  OnnxGraph huge = graph({node("Expand", {"x", "shape"}, {"y"})});
  for (const std::int64_t size : {std::int64_t{1} << 20, std::int64_t{1} << 40, INT64_MAX}) {
    huge.constants["shape"] = torch::tensor(std::vector<std::int64_t>{size, size, 1, 1});
    CHECK(refusal(huge).find("more than this machine has memory for") != std::string::npos);
  }
  huge.constants["shape"] = torch::tensor(std::vector<std::int64_t>{-4, 2, 3});
  CHECK(refusal(huge).find("negative size") != std::string::npos);
  OnnxGraph pool = graph({node("MaxPool", {"x"}, {"y"})});
  pool.nodes[0].attributes["kernel_shape"] = std::vector<std::int64_t>{0, 2};
  CHECK(refusal(pool, torch::ones({1, 1, 4, 4})).find("its window is empty") != std::string::npos);
  OnnxGraph least = graph({node("Cast", {"x"}, {"a"}), node("Div", {"a", "minus"}, {"b"}), node("Cast", {"b"}, {"y"})});
  least.nodes[0].attributes["to"] = std::int64_t{7};
  least.nodes[2].attributes["to"] = std::int64_t{1};
  least.constants["minus"] = torch::tensor(std::int64_t{-1});  // processors trap on INT64_MIN / -1
  CHECK(OnnxModel(least, kPlenty).run({torch::full({1}, -0x1p63F)}).front().item<float>() == -0x1p63F);
}

TEST_CASE("inputs that the file does not take are refused", "[deploy][onnx]") {
  OnnxGraph made = graph({node("Neg", {"x"}, {"y"})});
  made.inputs[0].shape = std::vector<std::int64_t>{-1, 4};
  CHECK(refusal(made) == "m.onnx: its input 'x' is [any, 4], and it is given [2, 3]");
  CHECK(refusal(made, torch::ones({2, 4}, torch::kLong)) ==
        "m.onnx: its input 'x' takes numbers of type float32, and it is given int64");
}

TEST_CASE("an ONNX classifier takes batches of any size and images in either layout", "[deploy][onnx]") {
  // The mean over the image's pixels, from a file with a batch of two and channels last.
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(13);
  auto& made = *model.mutable_graph();
  const auto value = [](onnx::ValueInfoProto& info, const std::string& name, std::vector<std::int64_t> sizes) {
    info.set_name(name);
    auto& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(onnx::TensorProto::FLOAT);
    for (const auto size : sizes) type.mutable_shape()->add_dim()->set_dim_value(size);
  };
  value(*made.add_input(), "x", {2, 4, 5, 3});
  value(*made.add_output(), "y", {2, 3});
  auto& reduce = *made.add_node();
  reduce.set_op_type("ReduceMean");
  reduce.add_input("x");
  reduce.add_output("y");
  auto& axes = *reduce.add_attribute();
  axes.set_name("axes");
  axes.set_type(onnx::AttributeProto::INTS);
  axes.add_ints(1);
  axes.add_ints(2);
  auto& keep = *reduce.add_attribute();
  keep.set_name("keepdims");
  keep.set_type(onnx::AttributeProto::INT);
  keep.set_i(0);
  const TempDir folder;
  const auto run = deploy::load_onnx(folder.write("m.onnx", model.SerializeAsString()));
  for (const std::int64_t count : {1, 2, 5}) {
    const torch::Tensor images = torch::randn({count, 3, 4, 5});
    CHECK(same(run(images), images.mean({2, 3}), 1e-5, 1e-6));
  }
  const std::string text = user_error([&] { run(torch::randn({1, 3, 8, 8})); });
  CHECK(text.find("takes images of 4x5x3, and is given 3x8x8 (channels, height, width)") != std::string::npos);
}

TEST_CASE("an ONNX classifier with a weight that is NaN is refused, a mask of infinities is not", "[deploy][onnx]") {
  const TempDir folder;
  const auto load = [&](float constant) {
    onnx::ModelProto model;
    model.set_ir_version(8);
    model.add_opset_import()->set_version(13);
    auto& made = *model.mutable_graph();
    const auto value = [](onnx::ValueInfoProto& info, const std::string& name, const std::vector<int>& sizes) {
      info.set_name(name);
      auto& type = *info.mutable_type()->mutable_tensor_type();
      type.set_elem_type(onnx::TensorProto::FLOAT);
      for (const int size : sizes) type.mutable_shape()->add_dim()->set_dim_value(size);
    };
    value(*made.add_input(), "x", {1, 3, 1, 1});
    value(*made.add_output(), "y", {1, 3});
    auto& weight = *made.add_initializer();
    weight.set_name("fc.bias");
    weight.set_data_type(onnx::TensorProto::FLOAT);
    weight.add_dims(1);
    weight.add_float_data(constant);
    const auto node = [&](const char* type, const std::vector<std::string>& inputs, const char* output) {
      auto& added = *made.add_node();
      added.set_op_type(type);
      for (const auto& input : inputs) added.add_input(input);
      added.add_output(output);
    };
    node("Flatten", {"x"}, "flat");
    node("Add", {"flat", "fc.bias"}, "y");
    deploy::load_onnx(folder.write("m.onnx", model.SerializeAsString()));
  };
  CHECK_NOTHROW(load(-INFINITY));
  CHECK(user_error([&] { load(NAN); }) ==
        (folder / "m.onnx").string() +
            ": fc.bias: holds numbers that are NaN; such weights are spoilt: take another file");
}

}  // namespace mlrun::test
