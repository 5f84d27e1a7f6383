#pragma once

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "nn/layer.h"

/// Inference on a CPU without LibTorch's operators: a model compiled into oneDNN's primitives.
namespace mlrun::deploy {

/// This model cannot run as a graph; the message says why. Whoever asked for one runs the layers instead.
class NoGraph : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Of what a graph is made for one size of input.
struct GraphStatistics {
  std::size_t steps = 0;
  std::size_t layers = 0;                    ///< steps that run a layer as it is
  std::size_t reorders = 0;                  ///< steps that only change a memory layout
  std::size_t copies = 0;                    ///< steps that only move channels: concatenation, splitting, shuffling
  std::size_t arena = 0;                     ///< bytes for all that flows between steps
  std::vector<std::string> implementations;  ///< of oneDNN's primitives, by its names: `jit:avx2`
};

/// How the images that a graph gives lie in memory.
enum class OutputOrder {
  Channels,  ///< channel by channel, as LibTorch has them
  Pixels     ///< pixel by pixel (channels-last), which is nearer to what the graph has
};

/// A model compiled for inference: batch norm folded into convolutions, activations and sums computed with them,
/// weights in the blocked layouts that oneDNN chooses, memory laid out once. It is compiled for each size of input (the
/// batch included) when that comes first, and keeps the last few. The weights may not change while it lives (some are
/// packed anew, others used where they are): after a change, make a new graph. What it has no operation for runs as the
/// layer itself.
class InferenceGraph {
 public:
  /// `model` is float32, on the CPU, and must outlive the graph; its mode does not matter. `example` [N, C, H, W]: the
  /// model runs on it once. Throws NoGraph; UserError where mlrun was built without oneDNN.
  InferenceGraph(nn::Layer& model, const torch::Tensor& example) : InferenceGraph(model, nn::Tensors{example}) {}
  /// Of a model with several inputs or outputs.
  InferenceGraph(nn::Layer& model, const nn::Tensors& example, OutputOrder order = OutputOrder::Channels);
  ~InferenceGraph();
  InferenceGraph(InferenceGraph&&) noexcept;
  InferenceGraph& operator=(InferenceGraph&&) noexcept;

  /// Float32 [N, C, H, W] on the CPU to what the model gives, on as many threads as LibTorch has. One call at a time.
  torch::Tensor operator()(const torch::Tensor& input) { return run({input}).front(); }
  nn::Tensors run(const nn::Tensors& inputs);

  /// Of the graph for this input, which is compiled if need be.
  GraphStatistics statistics(const torch::Tensor& input) { return statistics(nn::Tensors{input}); }
  GraphStatistics statistics(const nn::Tensors& inputs);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether this build has the library that graphs run on.
bool graph_available();

/// The instruction set that it takes here: `AVX2`, `AVX512_CORE_VNNI`. Empty where this build has none.
std::string graph_instruction_set();

}  // namespace mlrun::deploy
