#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include <torch/types.h>

#include "base/error.h"
#include "weights/mapping.h"

namespace onnx {
class AttributeProto;
class ModelProto;
class TensorProto;
}  // namespace onnx

/// From ONNX's messages to plain values; for the sources that know libonnx.
namespace mlrun::deploy {

/// The files of a model: its own, and those with external data, each mapped once.
class OnnxFiles {
 public:
  explicit OnnxFiles(std::filesystem::path model) : model_(std::move(model)) {}
  const std::filesystem::path& model() const { return model_; }

  /// A file with external data. UserError where it lies outside the model's folder, by links too.
  std::shared_ptr<weights::Mapping> external(const std::string& location);

 private:
  std::filesystem::path model_;
  std::map<std::string, std::shared_ptr<weights::Mapping>> mapped_;
};

/// Parses the file whole: at most protobuf's 2 GiB, at most 100 messages in one another.
void parse_onnx(const std::filesystem::path& file, onnx::ModelProto& model);

/// The tensor of an initializer or an attribute; takes over the message's bytes. UserError where its size
/// contradicts its shape, or where its type is not known.
torch::Tensor onnx_tensor(onnx::TensorProto& message, OnnxFiles& files);

/// ATen's type for an ONNX data type; nothing for those without one (strings, complex numbers, float8).
std::optional<torch::ScalarType> onnx_dtype(std::int64_t type);

/// Damage: `file: name: message; the file is damaged...`.
UserError damaged_onnx(const std::filesystem::path& file, const std::string& name, const std::string& message);

}  // namespace mlrun::deploy
