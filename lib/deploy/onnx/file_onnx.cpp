#include <climits>
#include <set>

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <onnx/onnx_pb.h>

#include "deploy/onnx/graph.h"
#include "deploy/onnx/proto.h"
#include "weights/safetensors_header.h"

namespace mlrun::deploy {

namespace fs = std::filesystem;
using onnx::AttributeProto;

namespace {

constexpr int kMostNested = 100;  // messages in one another

bool is_own_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

std::string node_name(const onnx::NodeProto& node) {
  if (!node.name().empty() || node.output_size() == 0) return node.name();
  return node.output(0);
}

UserError refused(const OnnxGraph& graph, const std::string& name, const std::string& what, const std::string& hint) {
  return UserError(Problem{graph.file, 0, 0, name, what, hint});
}

OnnxAttribute read_attribute(AttributeProto& message, const OnnxNode& node, OnnxFiles& files) {
  switch (message.type()) {
    case AttributeProto::FLOAT: return static_cast<double>(message.f());
    case AttributeProto::INT: return static_cast<std::int64_t>(message.i());
    case AttributeProto::STRING: return message.s();
    case AttributeProto::TENSOR: return onnx_tensor(*message.mutable_t(), files);
    case AttributeProto::FLOATS: return std::vector<double>(message.floats().begin(), message.floats().end());
    case AttributeProto::INTS: return std::vector<std::int64_t>(message.ints().begin(), message.ints().end());
    case AttributeProto::STRINGS: return std::vector<std::string>(message.strings().begin(), message.strings().end());
    default: break;
  }
  const bool graph = message.type() == AttributeProto::GRAPH || message.type() == AttributeProto::GRAPHS;
  throw UserError(
      Problem{files.model().string(), 0, 0,
              "node '" + weights::printable_name(node.name) + "' (" + weights::printable_name(node.type) + ")",
              "its attribute '" + weights::printable_name(message.name()) + "' is " +
                  (graph ? "a graph, and mlrun runs none within another" : "of a type that mlrun does not know"),
              graph ? "export the model without control flow" : ""});
}

OnnxNode read_node(onnx::NodeProto& message, OnnxFiles& files) {
  OnnxNode node;
  node.name = node_name(message);
  node.type = message.op_type();
  if (!is_own_domain(message.domain())) node.domain = message.domain();
  node.inputs.assign(message.input().begin(), message.input().end());
  node.outputs.assign(message.output().begin(), message.output().end());
  for (auto& attribute : *message.mutable_attribute()) {
    if (node.attributes.count(attribute.name()) != 0) {
      throw damaged_onnx(files.model(), "node '" + node.name + "'", "an attribute stands twice");
    }
    node.attributes.emplace(attribute.name(), read_attribute(attribute, node, files));
  }
  return node;
}

OnnxValue read_value(const onnx::ValueInfoProto& message) {
  OnnxValue value{message.name(), {}, {}};
  if (!message.type().has_tensor_type()) return value;
  const auto& type = message.type().tensor_type();
  value.dtype = onnx_dtype(type.elem_type());
  if (!type.has_shape()) return value;
  value.shape.emplace();
  for (const auto& dimension : type.shape().dim()) {
    const bool fixed = dimension.has_dim_value() && dimension.dim_value() > 0;
    value.shape->push_back(fixed ? dimension.dim_value() : -1);
  }
  return value;
}

void check_opset(const OnnxGraph& graph) {
  if (graph.opset == 0) throw file_error(graph.file, "does not say which opset it is written for");
  const std::string understood = std::to_string(kOldestOpset) + " to " + std::to_string(kNewestOpset);
  if (graph.opset >= kOldestOpset && graph.opset <= kNewestOpset) return;
  throw file_error(graph.file,
                   "is written for opset " + std::to_string(graph.opset) + ", and mlrun reads " + understood,
                   "export it for one of those");
}

/// The model's description: everything but constants and nodes.
OnnxGraph read_description(const fs::path& file, const onnx::ModelProto& model) {
  OnnxGraph graph;
  graph.file = file.string();
  if (!model.has_graph()) throw file_error(graph.file, "is no ONNX model: it has no graph");
  graph.ir_version = model.ir_version();
  graph.producer = model.producer_name() + (model.producer_version().empty() ? "" : " " + model.producer_version());
  for (const auto& set : model.opset_import()) {
    if (is_own_domain(set.domain())) graph.opset = set.version();
  }
  check_opset(graph);
  for (const auto& entry : model.metadata_props()) graph.metadata[entry.key()] = entry.value();
  std::set<std::string> constants;
  for (const auto& tensor : model.graph().initializer()) constants.insert(tensor.name());
  for (const auto& input : model.graph().input()) {
    if (constants.count(input.name()) == 0) graph.inputs.push_back(read_value(input));
  }
  for (const auto& output : model.graph().output()) graph.outputs.push_back(read_value(output));
  return graph;
}

void read_constants(OnnxGraph& graph, onnx::GraphProto& message, OnnxFiles& files) {
  if (message.sparse_initializer_size() > 0) throw refused(graph, "", "has sparse weights", "export dense ones");
  for (auto& tensor : *message.mutable_initializer()) {
    if (!graph.constants.emplace(tensor.name(), onnx_tensor(tensor, files)).second) {
      throw damaged_onnx(graph.file, "tensor '" + tensor.name() + "'", "it stands twice");
    }
  }
}

}  // namespace

UserError damaged_onnx(const fs::path& file, const std::string& name, const std::string& message) {
  return UserError(Problem{file.string(), 0, 0, weights::printable_name(name), message,
                           "the file is damaged, or was not written as ONNX says; export it again"});
}

void parse_onnx(const fs::path& file, onnx::ModelProto& model) {
  const weights::Mapping mapping(file);
  const auto content = mapping.content();
  if (content.size() > static_cast<std::size_t>(INT_MAX)) {
    throw file_error(file.string(), "is larger than 2 GiB, which protobuf cannot read",
                     "keep the weights in a file beside");
  }
  google::protobuf::io::ArrayInputStream bytes(content.data(), static_cast<int>(content.size()));
  google::protobuf::io::CodedInputStream stream(&bytes);
  stream.SetRecursionLimit(kMostNested);
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    throw file_error(file.string(), "is no ONNX file, or a damaged one", "export it again");
  }
}

OnnxGraph read_onnx(const fs::path& file) {
  onnx::ModelProto model;
  parse_onnx(file, model);
  OnnxGraph graph = read_description(file, model);
  if (model.functions_size() > 0) {
    throw refused(graph, "", "has functions of its own, which mlrun does not run", "export it without them");
  }
  OnnxFiles files(file);
  read_constants(graph, *model.mutable_graph(), files);
  for (auto& node : *model.mutable_graph()->mutable_node()) graph.nodes.push_back(read_node(node, files));
  return graph;
}

OnnxGraph read_onnx_header(const fs::path& file) {
  onnx::ModelProto model;
  parse_onnx(file, model);
  return read_description(file, model);
}

}  // namespace mlrun::deploy
