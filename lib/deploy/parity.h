#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>

#include <torch/types.h>

#include "base/json.h"

/// Does a file compute what its model computes? Each export ends with this question.
namespace mlrun::deploy {

/// Runs an exported model: its input [N, ...] to its output [N, ...].
using Runner = std::function<torch::Tensor(const torch::Tensor&)>;

/// How far outputs may be from the model's, as shares of the largest of those.
struct Tolerance {
  double largest = 0;                                     ///< of any output
  double mean = std::numeric_limits<double>::infinity();  ///< of all outputs together
};

/// How far an engine's outputs are from the model's.
struct Parity {
  std::string engine;  ///< `torchscript`, `mlrun onnx`, `onnxruntime 1.30.0`
  std::int64_t samples = 0;
  double max_difference = 0;  ///< of any output
  double mean_difference = 0;
  double scale = 0;  ///< the largest magnitude of the model's outputs
  std::optional<double>
      top1_agreement;  ///< per cent of the samples whose largest output is the same; where it is one of several
  Tolerance tolerance;
  bool met = false;
};

/// Runs both on `samples`, one by one, by threes and all at once, and compares every output. NaN is
/// never met.
Parity compare(const std::string& engine, const Runner& model, const Runner& exported, const torch::Tensor& samples,
               const Tolerance& tolerance);

Json to_json(const Parity& parity);
/// One line: `torchscript: largest difference 2.1e-06 of 8 samples, top-1 the same in 100 %: met`.
std::string text(const Parity& parity);

}  // namespace mlrun::deploy
