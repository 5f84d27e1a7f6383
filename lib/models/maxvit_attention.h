#pragma once

#include <cstdint>
#include <memory>

#include "nn/attention.h"
#include "nn/branches.h"
#include "nn/norm.h"

/// The attention of MaxViT (Tu et al., ECCV 2022): within windows, and across a grid of windows.
namespace mlrun::models {

struct PartitionOptions {
  int64_t channels = 0;
  int64_t head = 32;      ///< channels of each head
  int64_t partition = 7;  ///< side of a window, or of the grid, in tokens
  int64_t side = 0;       ///< of the image, in tokens; a multiple of `partition`
  bool grid = false;      ///< attend to the tokens `side / partition` apart, not to neighbours
  int64_t mlp_ratio = 4;
  double attention_dropout = 0, mlp_dropout = 0, stochastic_depth = 0;
};

/// Attention among the partition^2 tokens of each window or grid, and an MLP, each beside a
/// shortcut; images [N, C, side, side] to the same.
class PartitionAttention : public nn::UnaryLayer {
 public:
  explicit PartitionAttention(const PartitionOptions& options);
  torch::Tensor forward(const torch::Tensor& input) override;

 private:
  std::shared_ptr<nn::UnaryLayer> partition_, departition_;
  std::shared_ptr<nn::Sequential> attn_layer_, mlp_layer_;
  std::shared_ptr<nn::StochasticDepth> stochastic_depth_1_, stochastic_depth_2_;
  std::shared_ptr<nn::Add> add_1_, add_2_;
};

}  // namespace mlrun::models
