#pragma once

#include <memory>
#include <optional>
#include <string>

#include "nn/layers.h"

/// Layers around branches: what splits, shuffles and drops them, and the shortcut beside one.
namespace mlrun::nn {

/// [N, C, ...] to `parts` views of equal shape along the channels, which `parts` divides.
class Chunk : public Layer {
 public:
  explicit Chunk(int64_t parts) : Layer("Chunk"), parts_(parts) {}
  using Layer::forward;
  Tensors forward(const Tensors& inputs) override;

 private:
  int64_t parts_;
};

/// Interleaves `groups` equal groups of channels: with two, [a b c | d e f] becomes [a d b e c f]
/// (Zhang et al., "ShuffleNet", CVPR 2018). `groups` divides the channels; takes any batch size.
class ChannelShuffle : public UnaryLayer {
 public:
  explicit ChannelShuffle(int64_t groups) : UnaryLayer("ChannelShuffle"), groups_(groups) {}
  torch::Tensor forward(const torch::Tensor& input) override;
  int64_t groups() const { return groups_; }

 private:
  int64_t groups_;
};

/// What stochastic depth decides about: each sample by itself, or the batch as a whole.
enum class DepthMode { Row, Batch };

/// While training, zeroes its input with probability `p` and scales what stays by 1 / (1 - p)
/// (Huang et al., "Deep Networks with Stochastic Depth", ECCV 2016). Draws from the default
/// generator as torchvision.ops.stochastic_depth does: one number per sample or one in all, none
/// where `p` is 0.
class StochasticDepth : public UnaryLayer {
 public:
  explicit StochasticDepth(double p, DepthMode mode = DepthMode::Row)
      : UnaryLayer("StochasticDepth"), p_(p), mode_(mode) {}
  torch::Tensor forward(const torch::Tensor& input) override;

  double probability() const { return p_; }

 private:
  double p_;
  DepthMode mode_;
};

struct ShortcutOptions {
  bool add = true;                           ///< whether the shapes allow a shortcut at all
  std::optional<double> stochastic_depth{};  ///< probability of dropping the branch, where upstream has the layer
};

/// A branch, a child named as upstream names it, and where there is a shortcut, the sum of the
/// branch's output and the input.
class Residual : public UnaryLayer {
 public:
  Residual(std::string type, std::string name, std::shared_ptr<Layer> branch, const ShortcutOptions& options);
  torch::Tensor forward(const torch::Tensor& input) override;
  bool is_block() const override { return true; }

 private:
  std::shared_ptr<Layer> branch_;
  std::shared_ptr<StochasticDepth> stochastic_depth_;
  std::shared_ptr<Add> add_;
};

}  // namespace mlrun::nn
