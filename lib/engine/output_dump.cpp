#include "engine/output_dump.h"

#include <torch/types.h>

#include "weights/safetensors.h"

namespace mlrun::engine {

void OutputDump::add(const data::Batch& batch, const data::Fields& prediction) {
  outputs_.push_back(std::get<torch::Tensor>(prediction.begin()->second).to(torch::kFloat));
  targets_.push_back(std::get<torch::Tensor>(batch.targets.begin()->second));
  for (std::size_t i = 0; i < batch.ids.size(); ++i) {
    indices_.push_back(batch.indices[i]);
    ids_.push_back(batch.ids[i]);
  }
}

void OutputDump::write(const std::filesystem::path& file) const {
  weights::write_safetensors(file,
                             {{"outputs", torch::cat(outputs_)},
                              {"targets", torch::cat(targets_)},
                              {"index", torch::tensor(indices_, torch::kLong)}},
                             {{"sample_ids", json_text(ids_)}});
}

}  // namespace mlrun::engine
