#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace mlrun::data {

/// The memory of a batch, for samples to be written into as they are made, so that putting them
/// together moves nothing. For one thread at a time.
class BatchMemory {
 public:
  explicit BatchMemory(std::int64_t samples) : samples_(samples) {}

  /// Room for the next sample: float32 [C, H, W], in memory as [H, W, C] with `channels_last`. Part of
  /// the batch where shape and order are those of the first sample and there is room, else its own.
  torch::Tensor next(std::int64_t channels, std::int64_t height, std::int64_t width, bool channels_last);

 private:
  std::int64_t samples_, used_ = 0;
  torch::Tensor all_;
};

/// As torch::stack, for tensors of one shape. Nothing is copied where they are all of a BatchMemory's
/// samples in their order, or the first of them.
torch::Tensor stack(const std::vector<torch::Tensor>& samples);

}  // namespace mlrun::data
