#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "deploy/onnx/write_onnx.h"

namespace mlrun::deploy {

/// What is to be written, and where.
struct ExportRequest {
  std::filesystem::path file;
  std::string format;   ///< `torchscript` or `onnx`
  bool frozen = false;  ///< of TorchScript: weights as constants
  bool force = false;   ///< replaces files that exist
  std::int64_t opset = 17;
  std::optional<std::int64_t> batch{};                ///< the only size of a batch that the file takes; none: any
  bool any_size = false;                              ///< images of any height and width
  bool raw_outputs = false;                           ///< of a detector: what its heads say, before boxes are chosen
  std::uint64_t embedded_weights = kEmbeddedWeights;  ///< bytes; more lie beside an ONNX file
};

}  // namespace mlrun::deploy
