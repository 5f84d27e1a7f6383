#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <torch/types.h>

/// An ONNX file as plain values: read whole, checked, and without anything of protobuf.
namespace mlrun::deploy {

/// An attribute's value. Floats are float32 numbers in doubles.
using OnnxAttribute = std::variant<double, std::int64_t, std::string, torch::Tensor, std::vector<double>,
                                   std::vector<std::int64_t>, std::vector<std::string>>;

struct OnnxNode {
  std::string name;                  ///< as messages show it: the file's, or that of its first output
  std::string type;                  ///< the operator, as `Conv`
  std::string domain;                ///< empty: ONNX's own operators
  std::vector<std::string> inputs;   ///< names of values; empty: an optional input that is not given
  std::vector<std::string> outputs;  ///< the same of outputs
  std::map<std::string, OnnxAttribute> attributes;
};

/// An input or output of the model.
struct OnnxValue {
  std::string name;
  std::optional<torch::ScalarType> dtype;  ///< none where the file does not tell
  /// Sizes, -1 where any will do; nothing where the file does not even tell how many there are.
  std::optional<std::vector<std::int64_t>> shape;
  std::string rows{};  ///< what a first size that may be any counts, where it is no batch; written only
};

/// A type as users know it: `float32`.
std::string onnx_dtype_name(torch::ScalarType type);

struct OnnxGraph {
  std::string file;  ///< for messages
  std::int64_t ir_version = 0;
  std::int64_t opset = 0;  ///< of ONNX's own operators
  std::string producer;
  std::vector<OnnxValue> inputs;  ///< those that whoever runs it must give
  std::vector<OnnxValue> outputs;
  std::map<std::string, torch::Tensor> constants;  ///< initializers; they share the file's memory
  std::vector<OnnxNode> nodes;
  std::map<std::string, std::string> metadata;  ///< metadata_props
};

/// The opsets that are understood.
constexpr std::int64_t kOldestOpset = 7;
constexpr std::int64_t kNewestOpset = 21;

/// Reads an ONNX file, and the files with external data beside it. UserError where it is damaged, contradicts
/// itself, or needs what mlrun does not have (other opsets, sub-graphs, functions, strings as tensors).
OnnxGraph read_onnx(const std::filesystem::path& file);

/// Only what stands beside the graph: inputs, outputs, opset, metadata; neither constants nor nodes.
OnnxGraph read_onnx_header(const std::filesystem::path& file);

}  // namespace mlrun::deploy
