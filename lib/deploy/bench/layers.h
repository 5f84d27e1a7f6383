#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/latency.h"
#include "nn/layer.h"
#include "report/table.h"

namespace mlrun::deploy {

/// What one call of a layer takes, the layers that it calls not counted.
struct LayerTime {
  std::string path, type;
  std::vector<std::int64_t> output;  ///< shape of its first output
  double ms = 0;                     ///< median of the passes in which there was such a call
  std::int64_t macs = 0;             ///< multiply-adds of the whole batch
  int call = 0;                      ///< which of the layer's calls in a pass
};

/// Times every layer of passes through `model` (in evaluation mode), as an interceptor at its doors; in the order in
/// which they finish.
std::vector<LayerTime> time_layers(nn::Layer& model, const nn::Tensors& inputs, const engine::LatencyOptions& options);

/// The `most` layers that take longest (0: all, in the order of the pass), with their share of all layers' time.
report::Table layer_table(const std::vector<LayerTime>& layers, std::size_t most);
/// One line: the sum of all layers beside `whole`, the time of the model without anyone at its doors.
std::string layer_sum_text(const std::vector<LayerTime>& layers, std::size_t most, double whole);
Json to_json(const std::vector<LayerTime>& layers);

}  // namespace mlrun::deploy
