#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/json.h"
#include "deploy/onnx/scores.h"
#include "engine/average/weight_source.h"

/// ONNX files where commands take weights.
namespace mlrun::deploy {

/// By its ending.
bool is_onnx(const std::filesystem::path& file);

/// The engine that runs such weights, as results name it.
constexpr const char* kOnnxEngine = "mlrun onnx";

/// The file as weights for any recipe's model: the graph runs in the place of the model's layers, which stay without
/// weights. UserError at the first batch where sizes or the number of classes are not the recipe's.
engine::WeightChoice onnx_weights(const std::filesystem::path& file, const std::string& name);

/// What the outputs of such weights are, once they have run in one of the models; nothing where none has them.
std::optional<OnnxOutputs> onnx_outputs(const engine::Models& models);

/// The images that a file's input takes; -1 where any size will do.
struct OnnxImages {
  std::int64_t channels = -1, height = -1, width = -1;
  bool bytes = false;  ///< uint8, which the file preprocesses itself
};
OnnxImages onnx_images(const std::filesystem::path& file);

/// The recipe that the file carries; empty where it carries none.
std::string onnx_recipe(const std::filesystem::path& file);

/// What the file holds: inputs, outputs, opset, operators, parameters, metadata.
Json describe_onnx(const std::filesystem::path& file);

}  // namespace mlrun::deploy
