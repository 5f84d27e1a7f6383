#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "deploy/parity.h"

/// Microsoft's ONNX Runtime, where its library is found when mlrun runs: a second engine for ONNX files.
namespace mlrun::deploy {

struct OnnxRuntime {
  std::string version;  ///< `1.30.0`
  Runner run;           ///< as load_onnx_graph gives it
};

/// Opens `file` with the library that $MLRUN_ONNXRUNTIME names, else with libonnxruntime.so.1 of this machine;
/// nothing where there is none. UserError where $MLRUN_ONNXRUNTIME names no such library, or where ONNX
/// Runtime refuses the file.
std::optional<OnnxRuntime> onnx_runtime(const std::filesystem::path& file);

}  // namespace mlrun::deploy
