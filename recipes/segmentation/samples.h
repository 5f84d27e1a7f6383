#pragma once

#include <cstdint>
#include <variant>
#include <vector>

#include <torch/types.h>

#include "data/fields.h"

namespace mlrun::segmentation {

/// What a field of a batch holds for sample `i`, whether samples are stacked or of several sizes.
inline torch::Tensor sample_row(const data::Value& value, std::int64_t i) {
  if (const auto* tensor = std::get_if<torch::Tensor>(&value)) return (*tensor)[i];
  return std::get<std::vector<torch::Tensor>>(value).at(static_cast<std::size_t>(i));
}

/// Calls `take(i, logits, mask)` for each sample of a batch with masks: logits [C, H, W], mask int64 [H, W].
template <class Take>
void for_each_sample(const data::Fields& prediction, const data::Batch& batch, const Take& take) {
  for (std::int64_t i = 0; i < batch.size(); ++i) {
    const torch::Tensor mask = sample_row(batch.targets.at("mask"), i).to(torch::kCPU, torch::kLong);
    take(i, sample_row(prediction.at("logits"), i), mask);
  }
}

}  // namespace mlrun::segmentation
