#pragma once

#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "base/json.h"
#include "nn/ports.h"

/// Does a file compute what its model computes? Each export ends with this question.
namespace mlrun::deploy {

/// Runs an exported model: the tensors at its input ports to those at its output ports.
using Runner = std::function<nn::Tensors(const nn::Tensors&)>;

/// How far outputs may be from the model's, as shares of the largest of those. Whole numbers must be equal.
struct Tolerance {
  double largest = 0;                                     ///< of any number
  double mean = std::numeric_limits<double>::infinity();  ///< of all numbers together
};

/// How far an engine's outputs are from the model's.
struct Parity {
  std::string engine;  ///< `torchscript`, `mlrun onnx`, `onnxruntime 1.30.0`
  std::int64_t samples = 0;
  std::string output;         ///< of several, the one that is farthest; all that follows is of it
  double max_difference = 0;  ///< of any number
  double mean_difference = 0;
  double scale = 0;                       ///< the largest magnitude of the model's output
  std::optional<double> top1_agreement;   ///< per cent of the samples, or of the pixels of score maps, whose largest
                                          ///< score is the same; where scores are the only output
  std::int64_t found = 0;                 ///< of detectors: by the model or by the file, whichever found more
  std::optional<double> found_agreement;  ///< per cent of them that have a counterpart; differences are those of boxes
  Tolerance tolerance;
  bool met = false;       ///< by every output
  std::string failure{};  ///< why the engine ran one of the batches not at all; empty: it ran them
};

/// Runs both on `samples`, at the input ports of `interface`, one by one, by threes and all at once, and compares
/// every output. NaN is never met.
Parity compare(const std::string& engine, const Runner& model, const Runner& exported, const nn::Interface& interface,
               const nn::Tensors& samples, const Tolerance& tolerance);

Json to_json(const Parity& parity);
/// One line: `torchscript: largest difference 2.1e-06 of 8 samples, top-1 the same in 100 %: met`.
std::string text(const Parity& parity);

}  // namespace mlrun::deploy
