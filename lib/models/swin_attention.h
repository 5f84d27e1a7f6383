#pragma once

#include <cstdint>
#include <memory>

#include "nn/attention.h"

/// The attention of Swin transformers (Liu et al., ICCV 2021; version 2: CVPR 2022): within windows
/// of an image [N, H, W, C], which every other block shifts by half.
namespace mlrun::models {

struct WindowOptions {
  int64_t channels = 0, heads = 0;
  int64_t window = 7;  ///< side, in tokens
  int64_t shift = 0;   ///< tokens by which the windows are moved, down and right
  double dropout = 0, attention_dropout = 0;
  bool v2 = false;  ///< cosine attention with learnt temperature; the positions' bias is a function
};

/// How windows lie on an image of H x W tokens: it is padded to whole windows, and an axis of one
/// window is not shifted.
struct WindowPlan {
  WindowPlan(int64_t window, int64_t shift, const torch::Tensor& image);

  int64_t height, width;       ///< of the image
  int64_t padded_h, padded_w;  ///< with zeros below and on the right
  int64_t shift_h, shift_w;
  int64_t rows, columns;  ///< of windows

  bool padded() const { return padded_h != height || padded_w != width; }
  bool shifted() const { return shift_h + shift_w > 0; }
};

/// Attention within shifted windows; [N, H, W, C] to the same, for any H and W.
class WindowAttention : public nn::UnaryLayer {
 public:
  explicit WindowAttention(const WindowOptions& options);
  torch::Tensor forward(const torch::Tensor& input) override;
  void reset() override;

 private:
  void fill_constants();
  torch::Tensor position_table(const torch::Tensor& input) const;

  WindowOptions options_;
  torch::Tensor relative_position_bias_table_;  ///< [(2 * window - 1)^2, heads]; not in version 2
  torch::Tensor logit_scale_;                   ///< [heads, 1, 1], logarithm of the temperature; version 2
  torch::Tensor relative_coords_table_;         ///< [1, 2 * window - 1, 2 * window - 1, 2]; version 2
  torch::Tensor relative_position_index_;       ///< [window^4], row of the table for each pair of tokens
  std::shared_ptr<nn::Linear> qkv_, proj_;
  std::shared_ptr<nn::Sequential> cpb_mlp_;
  std::shared_ptr<nn::Activation> cpb_act_;
  std::shared_ptr<nn::UnaryLayer> normalize_q_, normalize_k_, shift_, partition_;
  std::shared_ptr<nn::Mul> scale_;
  std::shared_ptr<nn::SplitHeads> split_;
  std::shared_ptr<nn::Layer> bias_, reverse_, unshift_;
  std::shared_ptr<nn::DotProductAttention> attention_;
  std::shared_ptr<nn::MergeHeads> merge_;
  std::shared_ptr<nn::Dropout> dropout_;
};

/// The row of a table of (2 * window - 1)^2 offsets for each pair of a window's tokens, int64
/// [window^2, window^2].
torch::Tensor relative_position_index(int64_t window);

}  // namespace mlrun::models
