#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "deploy/onnx/batches.h"
#include "deploy/onnx/graph.h"
#include "deploy/parity.h"

namespace mlrun::deploy {

/// How much a graph may ask for: what a file says is not to be trusted.
struct OnnxLimits {
  std::int64_t tensor_bytes = 0;  ///< of one value
  std::int64_t total_bytes = 0;   ///< of the values that live at once
};

/// What this machine's free memory allows.
OnnxLimits onnx_limits();

/// Runs an ONNX graph on ATen, on the CPU: mlrun's own reader of ONNX. Values are freed after their last use,
/// what depends on constants alone is computed once. Can be called from several threads.
class OnnxModel {
 public:
  /// UserError that names node, operator and opset where there is something this reader does not know.
  explicit OnnxModel(OnnxGraph graph, const OnnxLimits& limits = onnx_limits());
  ~OnnxModel();
  OnnxModel(OnnxModel&&) noexcept;

  /// One tensor for each of graph().inputs, to one for each of graph().outputs. UserError that names the node
  /// where the graph does not fit them.
  std::vector<torch::Tensor> run(const std::vector<torch::Tensor>& inputs) const;

  /// The file's description; its nodes and constants are gone.
  const OnnxGraph& graph() const;

 private:
  struct Plan;
  std::unique_ptr<Plan> plan_;
};

/// Any ONNX graph: a tensor for each of its inputs to one for each output. UserError of `OnnxModel::run` for a batch
/// that the file does not take.
Runner load_onnx_graph(const std::filesystem::path& file);

/// An ONNX model that scores images (one input, its first output counts): float32 [N, C, H, W] to [N, classes]. Where
/// the file has a fixed batch size, batches are cut to it.
ImageScorer load_onnx(const std::filesystem::path& file);

}  // namespace mlrun::deploy
