#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/types.h>

#include "base/json.h"
#include "data/fields.h"
#include "weights/safetensors.h"

namespace mlrun::engine {

/// Collects a split's outputs for --dump-outputs: the fields of predictions and targets, in split order.
class OutputDump {
 public:
  void add(const data::Batch& batch, const data::Fields& prediction);

  /// safetensors with `outputs` (float32, whole numbers as they are), `targets`, `index` (int64), and `sample_ids` in
  /// the metadata. Where there are several fields, `outputs.NAME` of each; of a ragged one the rows of all samples, and
  /// beside them how many each has (`outputs.NAME.counts`).
  void write(const std::filesystem::path& file) const;

 private:
  /// The fields of all batches by name.
  class Columns {
   public:
    void add(const data::Fields& fields);
    void write(const std::string& title, weights::NamedTensors& tensors) const;

   private:
    struct Column {
      std::string name;
      std::vector<torch::Tensor> rows;
      std::vector<std::int64_t> counts;  ///< of a ragged one
    };
    std::vector<Column> columns_;
  };

  Columns outputs_, targets_;
  std::vector<std::int64_t> indices_;
  Json ids_ = Json::array();
};

}  // namespace mlrun::engine
