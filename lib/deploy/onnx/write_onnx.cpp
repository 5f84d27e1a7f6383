#include "deploy/onnx/write_onnx.h"

#include <algorithm>
#include <exception>
#include <set>

#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>
#include <onnx/shape_inference/implementation.h>
#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "base/version.h"
#include "deploy/onnx/builder.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kAlwaysEmbedded = 1024;  // bytes: shapes and the like, which shape inference reads
constexpr std::uint64_t kPage = 4096;          // where tensors in FILE.data begin, so that they can be mapped

torch::Tensor plain(const torch::Tensor& tensor) { return tensor.to(torch::kCPU).contiguous(); }

/// FILE.data: tensors one after another.
class WeightsBeside {
 public:
  explicit WeightsBeside(const fs::path& file) : path_(file.string() + ".data"), file_(path_) {}

  void add(const torch::Tensor& tensor, onnx::TensorProto& proto) {
    const std::string zeros((kPage - offset_ % kPage) % kPage, '\0');
    file_.write(zeros);
    offset_ += zeros.size();
    file_.write(tensor.data_ptr(), tensor.nbytes());
    proto.set_data_location(onnx::TensorProto::EXTERNAL);
    const auto tell = [&](const std::string& key, const std::string& value) {
      auto* entry = proto.add_external_data();
      entry->set_key(key);
      entry->set_value(value);
    };
    tell("location", path_.filename().string());
    tell("offset", std::to_string(offset_));
    tell("length", std::to_string(tensor.nbytes()));
    offset_ += tensor.nbytes();
  }

  fs::path commit() {
    file_.commit();
    return path_;
  }

 private:
  fs::path path_;
  AtomicFile file_;
  std::uint64_t offset_ = 0;
};

void fill_tensor(onnx::TensorProto& proto, const std::string& name, const torch::Tensor& given, WeightsBeside* beside) {
  const torch::Tensor tensor = plain(given);
  proto.set_name(name);
  proto.set_data_type(static_cast<std::int32_t>(onnx_element_type(tensor.scalar_type())));
  for (const auto size : tensor.sizes()) proto.add_dims(size);
  if (beside && tensor.nbytes() > kAlwaysEmbedded) beside->add(tensor, proto);
  else proto.set_raw_data(tensor.data_ptr(), tensor.nbytes());
}

/// Puts an attribute's value where its type belongs.
struct FillAttribute {
  onnx::AttributeProto& proto;

  void operator()(double value) const {
    proto.set_type(onnx::AttributeProto::FLOAT);
    proto.set_f(static_cast<float>(value));
  }
  void operator()(std::int64_t value) const {
    proto.set_type(onnx::AttributeProto::INT);
    proto.set_i(value);
  }
  void operator()(const std::string& value) const {
    proto.set_type(onnx::AttributeProto::STRING);
    proto.set_s(value);
  }
  void operator()(const torch::Tensor& value) const {
    proto.set_type(onnx::AttributeProto::TENSOR);
    fill_tensor(*proto.mutable_t(), "", value, nullptr);
  }
  void operator()(const std::vector<double>& values) const {
    proto.set_type(onnx::AttributeProto::FLOATS);
    for (const double value : values) proto.add_floats(static_cast<float>(value));
  }
  void operator()(const std::vector<std::int64_t>& values) const {
    proto.set_type(onnx::AttributeProto::INTS);
    for (const auto value : values) proto.add_ints(value);
  }
  void operator()(const std::vector<std::string>& values) const {
    proto.set_type(onnx::AttributeProto::STRINGS);
    for (const auto& value : values) proto.add_strings(value);
  }
};

void fill_node(onnx::NodeProto& proto, const OnnxNode& node) {
  proto.set_name(node.name);
  proto.set_op_type(node.type);
  proto.set_domain(node.domain);
  for (const auto& input : node.inputs) proto.add_input(input);
  for (const auto& output : node.outputs) proto.add_output(output);
  for (const auto& [name, value] : node.attributes) {
    auto* attribute = proto.add_attribute();
    attribute->set_name(name);
    std::visit(FillAttribute{*attribute}, value);
  }
}

void fill_value(onnx::ValueInfoProto& proto, const OnnxValue& value) {
  const std::string axes[] = {value.rows.empty() ? "batch" : value.rows, "channels", "height", "width"};
  proto.set_name(value.name);
  auto* type = proto.mutable_type()->mutable_tensor_type();
  type->set_elem_type(static_cast<std::int32_t>(onnx_element_type(*value.dtype)));
  std::size_t axis = 0;
  for (const auto size : *value.shape) {
    auto* dimension = type->mutable_shape()->add_dim();
    if (size >= 0) dimension->set_dim_value(size);
    else dimension->set_dim_param(axes[axis]);
    ++axis;
  }
}

/// The initializers in the order in which they are used.
void fill_constants(onnx::GraphProto& proto, const OnnxGraph& graph, WeightsBeside* beside) {
  std::set<std::string> written;
  for (const auto& node : graph.nodes) {
    for (const auto& input : node.inputs) {
      const auto constant = graph.constants.find(input);
      if (constant == graph.constants.end() || !written.insert(input).second) continue;
      fill_tensor(*proto.add_initializer(), input, constant->second, beside);
    }
  }
}

void fill_model(onnx::ModelProto& model, const OnnxGraph& graph, WeightsBeside* beside) {
  model.set_ir_version(graph.ir_version);
  model.set_producer_name(graph.producer);
  model.set_producer_version(kVersion);
  auto* opset = model.add_opset_import();
  opset->set_domain("");
  opset->set_version(graph.opset);
  for (const auto& [key, value] : graph.metadata) {
    auto* entry = model.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  onnx::GraphProto& proto = *model.mutable_graph();
  const auto name = graph.metadata.find("model");
  proto.set_name(name == graph.metadata.end() ? "model" : name->second);
  for (const auto& input : graph.inputs) fill_value(*proto.add_input(), input);
  for (const auto& output : graph.outputs) fill_value(*proto.add_output(), output);
  for (const auto& node : graph.nodes) fill_node(*proto.add_node(), node);
  fill_constants(proto, graph, beside);
}

/// Protobuf's stream into an atomic file. Its failure waits until protobuf is done.
class IntoFile : public google::protobuf::io::CopyingOutputStream {
 public:
  explicit IntoFile(AtomicFile& file) : file_(file) {}
  bool Write(const void* bytes, int size) override {
    try {
      file_.write(bytes, static_cast<std::size_t>(size));
      return true;
    } catch (const UserError&) {
      failure = std::current_exception();
      return false;
    }
  }
  std::exception_ptr failure;

 private:
  AtomicFile& file_;
};

void save(const fs::path& path, const onnx::ModelProto& model) {
  AtomicFile file(path);
  IntoFile into(file);
  bool done = false;
  {
    google::protobuf::io::CopyingOutputStreamAdaptor stream(&into, 1 << 20);
    done = model.SerializeToZeroCopyStream(&stream) && stream.Flush();
  }
  if (into.failure) std::rethrow_exception(into.failure);
  MLRUN_ASSERT(done, "protobuf does not write the model");
  file.commit();
}

/// Takes away the shapes of what QDQ pairs make: those of the values that they stand around, and many.
void drop_shapes_of_pairs(onnx::GraphProto& graph) {
  std::set<std::string> dropped;
  for (const auto& node : graph.node()) {
    if (node.op_type() == "QuantizeLinear" || node.op_type() == "DequantizeLinear") dropped.insert(node.output(0));
  }
  auto& shapes = *graph.mutable_value_info();
  const auto kept =
      std::remove_if(shapes.begin(), shapes.end(), [&](const auto& shape) { return dropped.count(shape.name()) > 0; });
  shapes.erase(kept, shapes.end());
}

/// ONNX's own opinion; the shapes that it infers become part of the model. Where weights lie beside it, the
/// checker looks for them too.
void check(onnx::ModelProto& model, const fs::path& saved) {
  try {
    const onnx::ShapeInferenceOptions strict(/*check_type=*/true, /*error_mode=*/1, /*data_propagation=*/true);
    if (saved.empty()) onnx::checker::check_model(model);
    else onnx::checker::check_model(saved.string());
    onnx::shape_inference::InferShapes(model, onnx::OpSchemaRegistry::Instance(), strict);
    drop_shapes_of_pairs(*model.mutable_graph());
  } catch (const std::exception& error) {
    throw InternalError(__FILE__, __LINE__, std::string("ONNX refuses what was made: ") + error.what());
  }
}

}  // namespace

std::vector<fs::path> write_onnx(const fs::path& file, const OnnxGraph& graph, std::uint64_t embedded) {
  std::uint64_t bytes = 0;
  for (const auto& item : graph.constants) bytes += item.second.nbytes();
  onnx::ModelProto model;
  if (bytes <= embedded) {
    fill_model(model, graph, nullptr);
    check(model, {});
    save(file, model);
    return {file};
  }
  WeightsBeside beside(file);
  fill_model(model, graph, &beside);
  const fs::path weights = beside.commit();
  save(file, model);
  check(model, file);
  save(file, model);
  return {file, weights};
}

}  // namespace mlrun::deploy
