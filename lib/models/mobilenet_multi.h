#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "nn/blocks.h"

/// What Multi-Hardware MobileNets are made of: Chu et al., "Discovering Multi-Hardware Mobile Models via Architecture
/// Search" (2008.08178), as TensorFlow's Model Garden builds them (official/vision/modeling/backbones/mobilenet.py).
namespace mlrun::models {

/// An inverted residual block: 1x1 to `expansion` times the channels, depthwise, 1x1 to `out`.
struct MultiRow {
  std::int64_t kernel, stride, out, expansion;
};

struct MultiTable {
  std::span<const MultiRow> blocks;
  std::int64_t last;  ///< channels of the convolution after the blocks
};

/// The average over its hardware; and the same with half the channels at the end, which segmenters stand on.
extern const MultiTable kMultiAvg, kMultiAvgSeg;

inline constexpr std::int64_t kMultiStem = 32;
inline constexpr nn::NormOptions kKerasNorm{.eps = 0.001, .momentum = 0.01};

/// A convolution, norm and activation with TensorFlow's padding "same" (children 0, 1, 2).
std::shared_ptr<nn::Sequential> same_conv_norm_act(const nn::ConvNormActOptions& options);

struct MultiBlockOptions {
  std::int64_t in = 0, out = 0, kernel = 3, stride = 1, expansion = 1, dilation = 1;
  nn::NormOptions norm = kKerasNorm;

  bool shortcut() const { return stride == 1 && in == out; }
};

/// The three parts of a block: expansion, depthwise, projection without activation.
std::shared_ptr<nn::Sequential> multi_block(const MultiBlockOptions& options);

/// Draws the convolutions below `root` as the reference does.
void draw_multi(nn::Layer& root);

}  // namespace mlrun::models
