#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "nn/layer.h"

/// Layers that normalize: each batch norm, frozen or not, group norm, layer norm.
namespace mlrun::nn {

/// Normalizes, then scales by `weight` and shifts by `bias`. In a FrozenBatchNorm2d the two are buffers, else
/// parameters.
class Norm : public UnaryLayer {
 public:
  using UnaryLayer::UnaryLayer;
  torch::Tensor weight, bias;
};

struct BatchNormOptions {
  double eps = 1e-5;
  double momentum = 0.1;  ///< weight of the newest batch in the running statistics
};

/// Each channel of [N, C, ...], of any number of dimensions. Training normalizes by the batch and updates
/// `running_mean`, `running_var` and the int64 `num_batches_tracked`; evaluation normalizes by the running statistics.
class BatchNorm : public Norm {
 public:
  torch::Tensor forward(const torch::Tensor& input) override;
  void reset() override;

  const BatchNormOptions& options() const { return options_; }
  void set_options(const BatchNormOptions& options) { options_ = options; }

  /// Sets the statistics to zero and lets every batch from now on count the same (torch.nn's
  /// `momentum=None`), until `end_cumulative`.
  void begin_cumulative();
  void end_cumulative() { cumulative_ = false; }

  /// Whether training updates the statistics; off while a batch that was counted already is computed
  /// again.
  void track(bool on) { tracks_ = on; }

  torch::Tensor running_mean, running_var, num_batches_tracked;

 protected:
  BatchNorm(std::string type, int64_t channels, const BatchNormOptions& options);

 private:
  BatchNormOptions options_;
  bool cumulative_ = false;
  bool tracks_ = true;
  int64_t batches_ = 0;  // since begin_cumulative
};

/// Of [N, C] or [N, C, L].
class BatchNorm1d : public BatchNorm {
 public:
  explicit BatchNorm1d(int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm("BatchNorm1d", channels, options) {}
};

/// Of images, [N, C, H, W].
class BatchNorm2d : public BatchNorm {
 public:
  explicit BatchNorm2d(int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm2d("BatchNorm2d", channels, options) {}

 protected:
  using BatchNorm::BatchNorm;
};

/// Of clips, [N, C, T, H, W].
class BatchNorm3d : public BatchNorm {
 public:
  explicit BatchNorm3d(int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm("BatchNorm3d", channels, options) {}
};

/// Of images that several processes share out; in a single process a BatchNorm2d.
class SyncBatchNorm : public BatchNorm2d {
 public:
  explicit SyncBatchNorm(int64_t channels, const BatchNormOptions& options = {})
      : BatchNorm2d("SyncBatchNorm", channels, options) {}
};

/// A batch norm of images that stays what it was trained to: statistics, weight and bias are buffers, which nothing
/// updates, in training too (torchvision.ops.FrozenBatchNorm2d). It counts no batches.
class FrozenBatchNorm2d : public Norm {
 public:
  explicit FrozenBatchNorm2d(int64_t channels, double eps = 1e-5);
  torch::Tensor forward(const torch::Tensor& input) override;
  void reset() override;

  double eps() const { return eps_; }
  torch::Tensor running_mean, running_var;

 private:
  double eps_;
};

/// Over groups of channels of each sample by itself (Wu and He, "Group Normalization", ECCV 2018).
class GroupNorm : public Norm {
 public:
  /// UserError where `groups` does not divide `channels`.
  GroupNorm(int64_t groups, int64_t channels, double eps = 1e-5);
  torch::Tensor forward(const torch::Tensor& input) override;
  void reset() override;

  int64_t groups() const { return groups_; }
  double eps() const { return eps_; }

 private:
  int64_t groups_;
  double eps_;
};

/// Normalizes over the last axis, which has `features` values (Ba et al., "Layer Normalization",
/// 2016); weight and bias are [features].
class LayerNorm : public Norm {
 public:
  explicit LayerNorm(int64_t features, double eps = 1e-5) : LayerNorm("LayerNorm", features, eps) {}
  torch::Tensor forward(const torch::Tensor& input) override;
  void reset() override;

  double eps() const { return eps_; }

 protected:
  LayerNorm(std::string type, int64_t features, double eps);

 private:
  double eps_;
};

/// The same over the channels of each pixel of [N, C, H, W]. What it returns is channels-last in
/// memory.
class LayerNorm2d : public LayerNorm {
 public:
  explicit LayerNorm2d(int64_t channels, double eps = 1e-5) : LayerNorm("LayerNorm2d", channels, eps) {}
  torch::Tensor forward(const torch::Tensor& input) override;
};

enum class NormKind { Batch, Frozen, Group, Sync };

/// Which norm a network of images has behind its convolutions.
struct NormOptions {
  NormKind kind = NormKind::Batch;
  double eps = 1e-5;
  double momentum = 0.1;  ///< of batch norms, see BatchNormOptions
  int64_t groups = 32;    ///< of a group norm
};

std::shared_ptr<Norm> make_norm(int64_t channels, const NormOptions& options = {});

}  // namespace mlrun::nn
