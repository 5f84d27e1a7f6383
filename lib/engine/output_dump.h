#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include <torch/types.h>

#include "base/json.h"
#include "data/fields.h"

namespace mlrun::engine {

/// Collects a split's outputs for --dump-outputs: the first field of each prediction and of the
/// targets, in split order.
class OutputDump {
 public:
  void add(const data::Batch& batch, const data::Fields& prediction);

  /// safetensors with `outputs` (float32), `targets`, `index` (int64), and `sample_ids` in the metadata.
  void write(const std::filesystem::path& file) const;

 private:
  std::vector<torch::Tensor> outputs_, targets_;
  std::vector<std::int64_t> indices_;
  Json ids_ = Json::array();
};

}  // namespace mlrun::engine
