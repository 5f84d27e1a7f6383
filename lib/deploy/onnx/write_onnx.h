#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "deploy/onnx/graph.h"

namespace mlrun::deploy {

/// Bytes of weights beyond which they lie beside the model: protobuf ends at 2 GiB.
constexpr std::uint64_t kEmbeddedWeights = 1'900'000'000;

/// Writes a graph as an ONNX file, after ONNX's own checker and its strict shape inference have passed it; where the
/// constants have more than `embedded` bytes, they go to FILE.data beside it. Sizes of -1 get names: batch, height,
/// width. The files that were written. UserError where they cannot be.
std::vector<std::filesystem::path> write_onnx(const std::filesystem::path& file, const OnnxGraph& graph,
                                              std::uint64_t embedded = kEmbeddedWeights);

}  // namespace mlrun::deploy
