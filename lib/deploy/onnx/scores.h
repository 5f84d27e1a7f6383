#pragma once

#include <string>

#include <torch/types.h>

#include "base/json.h"
#include "deploy/onnx/batches.h"
#include "deploy/onnx/graph.h"

namespace mlrun::deploy {

/// What the outputs of an ONNX model that scores images are, and what was made of them: metrics and answers want
/// logits.
struct OnnxOutputs {
  std::string kind = "logits";  ///< or `softmax`, `log_softmax`, `sigmoid`
  std::string seen_in;          ///< `graph` or `rows`; empty: nothing tells that they are no logits
  std::string taken = "as_is";  ///< or `before` (what the node was given), or `logarithms`
  std::string node;             ///< of the graph, as messages show it: what made them so

  /// `softmax (node 'probs' (Softmax, opset 13)): the values before it are taken`; empty for logits.
  std::string text() const;
  Json json() const;
};

/// Gives the logits of an ONNX model that scores images, also where it ends in Softmax, Sigmoid or LogSoftmax, steps
/// that move or convert values behind them included. Which it is, the graph says, or else the first batch: rows that
/// sum to 1.
class OnnxScorer {
 public:
  /// UserErrors as of load_onnx.
  explicit OnnxScorer(OnnxGraph graph);
  OnnxScorer(const OnnxScorer&) = delete;
  OnnxScorer& operator=(const OnnxScorer&) = delete;

  /// float32 [N, C, H, W] to logits [N, classes]; to the same as the graph's outputs where those are logarithms of
  /// probabilities.
  torch::Tensor operator()(const torch::Tensor& images);

  /// Once it has run.
  const OnnxOutputs& outputs() const { return outputs_; }

 private:
  torch::Tensor from_graph(const torch::Tensor& images);
  void look_at(const torch::Tensor& rows);

  std::string file_;
  OnnxOutputs outputs_;
  ImageScorer run_;
  bool decided_ = false;     ///< a batch was seen
  bool before_ = false;      ///< the second output is what the activation was given, and is taken
  bool explained_ = false;   ///< a batch has shown that the activation makes the first output of it
  bool logarithms_ = false;  ///< of the first output are taken
};

}  // namespace mlrun::deploy
