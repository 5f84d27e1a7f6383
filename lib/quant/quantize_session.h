#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/apply/apply_session.h"
#include "quant/noise.h"
#include "quant/plan.h"

namespace mlrun::quant {

/// How `qat` trains on from the float weights.
struct TrainingRequest {
  config::Resolved resolved;  ///< with `quantize: qat`, and the float weights as model.weights
  std::filesystem::path run;  ///< its run directory; one that was interrupted is resumed
  std::string command;        ///< as typed, for run.json
};

struct QuantizeRequest {
  config::Resolved resolved;         ///< the recipe; its `quantize` says how
  engine::WeightChoice weights;      ///< float ones
  std::vector<std::string> methods;  ///< ptq, dynamic, qat; each once
  std::optional<double> max_drop;    ///< by how much the headline figure may get worse, in its unit (points)
  std::filesystem::path out;         ///< safetensors
  bool force = false;                ///< replaces a file that exists
  bool progress = true;
  /// For qat of weights that were not trained with it.
  std::optional<TrainingRequest> training;
};

/// The weights in one precision, as they were evaluated from disk.
struct Quantized {
  std::string method;  ///< fp32, or the request's
  engine::Evaluation evaluation;
  report::Figure headline;
  std::uint64_t bytes = 0;  ///< of the weights on disk
  double latency = 0;       ///< ms, the median of one sample at a time
  std::int64_t int8_layers = 0;
  std::vector<FloatLayer> float_layers;
  std::vector<LayerNoise> noise;  ///< worst first
  bool collapsed = false;         ///< the float model's headline figure is halved, or doubled where less is better
};

struct QuantizeResult {
  std::string model, data, weights, headline;
  std::string engine;
  bool reduce_range = false;
  std::vector<Quantized> rows;  ///< fp32 first
  std::string chosen;           ///< the method whose file was written: the best by the headline figure
  bool met = true;              ///< false: all got worse by more than `max_drop`, and nothing was written
  std::string stopped_by;       ///< what interrupted the training of qat; empty where nothing did
};

/// Makes int8 weights by each method, evaluates them from the file as any other process would, and
/// keeps the best. UserError for weights that are int8 already, for data that cannot calibrate, and
/// for an output that exists.
QuantizeResult quantize(const engine::TaskFactory& tasks, const QuantizeRequest& request);

}  // namespace mlrun::quant
