#include <filesystem>

#include <onnx/onnx_pb.h>

#include "deploy/onnx/files.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

/// y = x + w, of `size` numbers.
onnx::ModelProto addition(std::int64_t size = 4) {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(13);
  auto& graph = *model.mutable_graph();
  graph.add_input()->set_name("x");
  graph.add_output()->set_name("y");
  auto& weight = *graph.add_initializer();
  weight.set_name("w");
  weight.set_data_type(onnx::TensorProto::FLOAT);
  weight.add_dims(size);
  auto& node = *graph.add_node();
  node.set_op_type("Add");
  node.add_input("x");
  node.add_input("w");
  node.add_output("y");
  return model;
}

onnx::TensorProto& weight_of(onnx::ModelProto& model) { return *model.mutable_graph()->mutable_initializer(0); }

void set_external(onnx::TensorProto& tensor, const std::map<std::string, std::string>& entries) {
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    auto& entry = *tensor.add_external_data();
    entry.set_key(key);
    entry.set_value(value);
  }
}

std::string refusal(const TempDir& folder, const onnx::ModelProto& model) {
  const fs::path file = folder.write("m.onnx", model.SerializeAsString());
  const std::string text = user_error([&] { deploy::read_onnx(file); });
  CHECK(text.rfind(file.string() + ": ", 0) == 0);
  return text.substr(file.string().size() + 2);
}

const std::string kFour("\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40", 16);  // 1, 2, 3, 4

}  // namespace

TEST_CASE("weights come from bytes, from lists and from files beside the model", "[deploy][onnx]") {
  const TempDir folder;
  onnx::ModelProto bytes = addition(), list = addition(), beside = addition();
  weight_of(bytes).set_raw_data(kFour);
  for (const float value : {1, 2, 3, 4}) weight_of(list).add_float_data(value);
  folder.write("w/data.bin", "???" + kFour);
  set_external(weight_of(beside), {{"location", "w/data.bin"}, {"offset", "3"}, {"length", "16"}});
  for (const auto& model : {bytes, list, beside}) {
    const auto graph = deploy::read_onnx(folder.write("m.onnx", model.SerializeAsString()));
    CHECK(graph.constants.at("w").equal(torch::tensor({1.0F, 2.0F, 3.0F, 4.0F})));
    CHECK(graph.inputs.size() == 1);
    CHECK_FALSE(graph.inputs[0].shape);
    CHECK(graph.opset == 13);
  }
}

TEST_CASE("external data outside the model's folder or beyond their file are refused", "[deploy][onnx]") {
  const TempDir folder, other;
  const fs::path secret = other.write("secret.bin", kFour);
  fs::create_symlink(secret, folder / "link.bin");
  folder.write("short.bin", "12");
  for (const std::string& location : {secret.string(), std::string("../secret.bin"), std::string("link.bin"),
                                      std::string(""), std::string("a/../../x"), std::string("short.bin\0", 10)}) {
    onnx::ModelProto model = addition();
    set_external(weight_of(model), {{"location", location}});
    CHECK(refusal(folder, model).find("which is not in the model's own folder; put that file beside the model") !=
          std::string::npos);
  }
  for (const auto& [key, value] : {std::pair("offset", "1"), std::pair("offset", "18446744073709551615"),
                                   std::pair("length", "18446744073709551615"), std::pair("offset", "-1")}) {
    onnx::ModelProto model = addition();
    set_external(weight_of(model), {{"location", "short.bin"}, {key, value}});
    const std::string text = refusal(folder, model);
    CHECK((text.find("beyond the end of short.bin (2 bytes)") != std::string::npos ||
           text.find("its offset is no number") != std::string::npos));
  }
  onnx::ModelProto absent = addition();
  set_external(weight_of(absent), {{"location", "absent.bin"}});
  CHECK(user_error([&] {
          deploy::read_onnx(folder.write("m.onnx", absent.SerializeAsString()));
        }).find("absent.bin: cannot be read") != std::string::npos);
}

TEST_CASE("tensors whose sizes contradict their bytes are refused", "[deploy][onnx]") {
  const TempDir folder;
  onnx::ModelProto model = addition(3);
  weight_of(model).set_raw_data(kFour);
  CHECK(refusal(folder, model).find("tensor 'w': it has 16 bytes, and its shape wants 12") == 0);
  model = addition(-4);
  CHECK(refusal(folder, model).find("tensor 'w': it has a negative size") == 0);
  model = addition(std::int64_t{1} << 62);
  weight_of(model).add_dims(8);
  CHECK(refusal(folder, model).find("tensor 'w': it is too large") == 0);
  model = addition(std::int64_t{1} << 62);
  CHECK(refusal(folder, model).find("tensor 'w': it is too large") == 0);
  model = addition(std::int64_t{1} << 40);
  CHECK(refusal(folder, model).find("tensor 'w': it has 0 values, and its shape wants 1099511627776") == 0);
  model = addition();
  weight_of(model).set_data_type(onnx::TensorProto::STRING);
  CHECK(refusal(folder, model) == "tensor 'w': its data type (8) is not one that mlrun computes with");
  model = addition();
  weight_of(model).set_raw_data(kFour);
  *model.mutable_graph()->add_initializer() = weight_of(model);
  CHECK(refusal(folder, model).find("tensor 'w': it stands twice") == 0);
}

TEST_CASE("what mlrun does not run is refused: other opsets, sub-graphs, functions", "[deploy][onnx]") {
  const TempDir folder;
  onnx::ModelProto model = addition();
  model.mutable_opset_import(0)->set_version(6);
  CHECK(refusal(folder, model) == "is written for opset 6, and mlrun reads 7 to 21; export it for one of those");
  model.clear_opset_import();
  CHECK(refusal(folder, model) == "does not say which opset it is written for");
  model = addition();
  weight_of(model).set_raw_data(kFour);
  auto& branch = *model.mutable_graph()->mutable_node(0)->add_attribute();
  branch.set_name("then_branch");
  branch.set_type(onnx::AttributeProto::GRAPH);
  CHECK(refusal(folder, model) ==
        "node 'y' (Add): its attribute 'then_branch' is a graph, and mlrun runs none within another; export the model "
        "without control flow");
  model = addition();
  model.add_functions();
  CHECK(refusal(folder, model).find("has functions of its own") == 0);
}

TEST_CASE("what is no ONNX file is refused", "[deploy][onnx]") {
  const TempDir folder;
  onnx::ModelProto whole = addition();
  weight_of(whole).set_raw_data(kFour);
  const std::string bytes = whole.SerializeAsString();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const fs::path file = folder.write("m.onnx", bytes.substr(0, size));
    CHECK_FALSE(user_error([&] { deploy::OnnxModel(deploy::read_onnx(file)).run({torch::ones({4})}); }).empty());
  }
  std::string nested;  // messages in one another, deeper than any model
  for (int i = 0; i < 2000; ++i) nested = "\x3a" + std::string(1, '\x02') + nested;
  CHECK_FALSE(user_error([&] { deploy::read_onnx(folder.write("m.onnx", nested)); }).empty());
  CHECK_FALSE(user_error([&] { deploy::read_onnx(folder / "absent.onnx"); }).empty());
  CHECK_FALSE(user_error([&] { deploy::read_onnx(folder.path()); }).empty());
}

}  // namespace mlrun::test
