#include "models/maxvit_attention.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "models/swin_attention.h"
#include "nn/init.h"
#include "nn/meta.h"

namespace mlrun::models {
namespace {

/// [N, C, side, side] to [N, groups, partition^2, C], where a group is a window or a grid.
class GroupTokens : public nn::UnaryLayer {
 public:
  explicit GroupTokens(const PartitionOptions& o) : UnaryLayer(o.grid ? "GridPartition" : "WindowPartition"), o_(o) {}

  torch::Tensor forward(const torch::Tensor& input) override {
    const int64_t p = o_.partition, n = o_.side / p;
    // Rows and columns each as (which, within); a grid takes them the other way round.
    const auto split = o_.grid ? input.reshape({-1, o_.channels, p, n, p, n}).permute({0, 3, 5, 2, 4, 1})
                               : input.reshape({-1, o_.channels, n, p, n, p}).permute({0, 2, 4, 3, 5, 1});
    return split.reshape({-1, n * n, p * p, o_.channels});
  }

 private:
  PartitionOptions o_;
};

/// The way back.
class UngroupTokens : public nn::UnaryLayer {
 public:
  explicit UngroupTokens(const PartitionOptions& o)
      : UnaryLayer(o.grid ? "GridDepartition" : "WindowDepartition"), o_(o) {}

  torch::Tensor forward(const torch::Tensor& input) override {
    const int64_t p = o_.partition, n = o_.side / p;
    const auto split = input.reshape({-1, n, n, p, p, o_.channels});
    const auto image = o_.grid ? split.permute({0, 5, 3, 1, 4, 2}) : split.permute({0, 5, 1, 3, 2, 4});
    return image.reshape({-1, o_.channels, o_.side, o_.side});
  }

 private:
  PartitionOptions o_;
};

/// The bias of each pair of tokens from the table [offsets, heads]: [1, heads, T, T]. The second
/// input only says whether there are numbers.
class OffsetBias : public nn::Layer {
 public:
  OffsetBias(int64_t tokens, torch::Tensor index) : Layer("PositionBias"), tokens_(tokens), index_(std::move(index)) {}
  using Layer::forward;

  nn::Tensors forward(const nn::Tensors& inputs) override {
    const int64_t heads = inputs.at(0).size(1);
    if (inputs.at(1).is_meta()) return {torch::empty({1, heads, tokens_, tokens_}, inputs.at(1).options())};
    const auto bias = inputs.at(0).index({index_.view({-1})}).view({tokens_, tokens_, heads});
    return {bias.permute({2, 0, 1}).contiguous().unsqueeze(0)};
  }

 private:
  int64_t tokens_;
  torch::Tensor index_;
};

/// Attention with a learnt bias for each offset between two tokens; [N, groups, tokens, C] to the same.
class RelativeAttention : public nn::UnaryLayer {
 public:
  explicit RelativeAttention(const PartitionOptions& o)
      : UnaryLayer("RelativePositionalMultiHeadAttention"), side_(o.partition) {
    MLRUN_ASSERT(o.channels % o.head == 0, "channels must be a multiple of a head's");
    const int64_t heads = o.channels / o.head, offsets = 2 * side_ - 1, tokens = side_ * side_;
    table_ = register_parameter("relative_position_bias_table", torch::empty({offsets * offsets, heads}));
    index_ = register_buffer("relative_position_index", relative_position_index(side_));
    to_qkv_ = add("to_qkv", std::make_shared<nn::Linear>(o.channels, 3 * o.channels));
    split_ = add("split", std::make_shared<nn::SplitHeads>(heads));
    bias_ = add("bias", std::make_shared<OffsetBias>(tokens, index_));
    // By the width of all heads, as torchvision has it.
    const double scale = 1 / std::sqrt(static_cast<double>(o.channels));
    const nn::AttentionOptions attention{.scale = scale, .bias = true, .dropout = 0};
    attention_ = add("attention", std::make_shared<nn::DotProductAttention>(attention));
    merge_heads_ = add("merge_heads", std::make_shared<nn::MergeHeads>());
    merge_ = add("merge", std::make_shared<nn::Linear>(o.channels, o.channels));
  }

  torch::Tensor forward(const torch::Tensor& input) override {
    nn::Tensors parts = call(*split_, nn::Tensors{call(*to_qkv_, input)});
    parts.push_back(call(*bias_, nn::beside(input, table_), input));
    const torch::Tensor mixed = call(*merge_heads_, call(*attention_, parts).front());
    return call(*merge_, mixed.view({-1, input.size(1), input.size(2), input.size(3)}));
  }

  void reset() override {
    torch::NoGradGuard no_grad;
    index_.copy_(relative_position_index(side_));
    to_qkv_->reset();
    merge_->reset();
    nn::init::trunc_normal(table_, 0, 0.02);
  }

 private:
  int64_t side_;
  torch::Tensor table_;  ///< [(2 * partition - 1)^2, heads]
  torch::Tensor index_;  ///< [partition^2, partition^2], row of the table for each pair of tokens
  std::shared_ptr<nn::Linear> to_qkv_, merge_;
  std::shared_ptr<nn::SplitHeads> split_;
  std::shared_ptr<nn::Layer> bias_;
  std::shared_ptr<nn::DotProductAttention> attention_;
  std::shared_ptr<nn::MergeHeads> merge_heads_;
};

}  // namespace

PartitionAttention::PartitionAttention(const PartitionOptions& o) : UnaryLayer("PartitionAttentionLayer") {
  MLRUN_ASSERT(o.side % o.partition == 0, "the image must be whole partitions");
  partition_ = add("partition_op", std::make_shared<GroupTokens>(o));
  departition_ = add("departition_op", std::make_shared<UngroupTokens>(o));
  attn_layer_ = add("attn_layer", std::make_shared<nn::Sequential>());
  attn_layer_->push(std::make_shared<nn::LayerNorm>(o.channels));
  attn_layer_->push(std::make_shared<RelativeAttention>(o));
  attn_layer_->push(std::make_shared<nn::Dropout>(o.attention_dropout));
  mlp_layer_ = add("mlp_layer", std::make_shared<nn::Sequential>());
  mlp_layer_->push(std::make_shared<nn::LayerNorm>(o.channels));
  mlp_layer_->push(std::make_shared<nn::Linear>(o.channels, o.channels * o.mlp_ratio));
  mlp_layer_->push(std::make_shared<nn::Activation>(nn::Act::Gelu));
  mlp_layer_->push(std::make_shared<nn::Linear>(o.channels * o.mlp_ratio, o.channels));
  mlp_layer_->push(std::make_shared<nn::Dropout>(o.mlp_dropout));
  stochastic_depth_1_ = add("stochastic_dropout", std::make_shared<nn::StochasticDepth>(o.stochastic_depth));
  stochastic_depth_2_ = add("stochastic_dropout_2", std::make_shared<nn::StochasticDepth>(o.stochastic_depth));
  add_1_ = add("add_1", std::make_shared<nn::Add>());
  add_2_ = add("add_2", std::make_shared<nn::Add>());
}

torch::Tensor PartitionAttention::forward(const torch::Tensor& input) {
  const torch::Tensor tokens = call(*partition_, input);
  const torch::Tensor x = call(*add_1_, call(*stochastic_depth_1_, call(*attn_layer_, tokens)), tokens);
  return call(*departition_, call(*add_2_, call(*stochastic_depth_2_, call(*mlp_layer_, x)), x));
}

}  // namespace mlrun::models
