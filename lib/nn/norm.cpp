#include "nn/norm.h"

#include <utility>

#include "base/error.h"
#include "nn/batch_variance.h"

namespace mlrun::nn {
namespace {

void start(Norm& norm) {
  norm.weight.fill_(1);
  norm.bias.zero_();
}

}  // namespace

BatchNorm::BatchNorm(std::string type, int64_t channels, const BatchNormOptions& options)
    : Norm(std::move(type)), options_(options) {
  weight = register_parameter("weight", torch::empty({channels}));
  bias = register_parameter("bias", torch::empty({channels}));
  running_mean = register_buffer("running_mean", torch::empty({channels}));
  running_var = register_buffer("running_var", torch::empty({channels}));
  num_batches_tracked = register_buffer("num_batches_tracked", torch::empty({}, torch::kLong));
}

torch::Tensor BatchNorm::forward(const torch::Tensor& input) {
  if (input.is_meta()) return torch::empty_like(input);
  if (is_training() && !has_variance(input)) {
    throw UserError("the batch norm at " + path() + " sees one value of each channel, which has no variance",
                    "train on two samples at a time at least, or on larger images");
  }
  const auto batch_norm = [&](const torch::Tensor& mean, const torch::Tensor& var, double momentum) {
    return torch::batch_norm(input, weight, bias, mean, var, is_training(), momentum, options_.eps,
                             at::globalContext().userEnabledCuDNN());
  };
  if (is_training() && !tracks_) return batch_norm({}, {}, options_.momentum);
  if (is_training()) {
    num_batches_tracked.add_(1);
    ++batches_;
  }
  const double momentum = cumulative_ ? 1.0 / static_cast<double>(batches_) : options_.momentum;
  return batch_norm(running_mean, running_var, momentum);
}

void BatchNorm::begin_cumulative() {
  const torch::NoGradGuard no_grad;
  running_mean.zero_();
  running_var.fill_(1);
  num_batches_tracked.zero_();
  cumulative_ = true;
  batches_ = 0;
}

void BatchNorm::reset() {
  const torch::NoGradGuard no_grad;
  start(*this);
  running_mean.zero_();
  running_var.fill_(1);
  num_batches_tracked.zero_();
}

FrozenBatchNorm2d::FrozenBatchNorm2d(int64_t channels, double eps) : Norm("FrozenBatchNorm2d"), eps_(eps) {
  weight = register_buffer("weight", torch::empty({channels}));
  bias = register_buffer("bias", torch::empty({channels}));
  running_mean = register_buffer("running_mean", torch::empty({channels}));
  running_var = register_buffer("running_var", torch::empty({channels}));
}

// In upstream's order. Autograd keeps the scale alone for it, not the input as it would for a batch norm.
torch::Tensor FrozenBatchNorm2d::forward(const torch::Tensor& input) {
  if (input.is_meta()) return torch::empty_like(input);
  const auto spread = [](const torch::Tensor& tensor) { return tensor.reshape({1, -1, 1, 1}); };
  const torch::Tensor scale = spread(weight) * (spread(running_var) + eps_).rsqrt();
  return input * scale + (spread(bias) - spread(running_mean) * scale);
}

void FrozenBatchNorm2d::reset() {
  const torch::NoGradGuard no_grad;
  start(*this);
  running_mean.zero_();
  running_var.fill_(1);
}

GroupNorm::GroupNorm(int64_t groups, int64_t channels, double eps) : Norm("GroupNorm"), groups_(groups), eps_(eps) {
  if (groups < 1 || channels % groups != 0) {
    throw UserError("a group norm of " + std::to_string(groups) + " groups does not divide " +
                        std::to_string(channels) + " channels",
                    "take a number of groups that divides the channels of every layer, as 8");
  }
  weight = register_parameter("weight", torch::empty({channels}));
  bias = register_parameter("bias", torch::empty({channels}));
}

torch::Tensor GroupNorm::forward(const torch::Tensor& input) {
  if (input.is_meta()) return torch::empty_like(input);
  return torch::group_norm(input, groups_, weight, bias, eps_, at::globalContext().userEnabledCuDNN());
}

void GroupNorm::reset() {
  const torch::NoGradGuard no_grad;
  start(*this);
}

LayerNorm::LayerNorm(std::string type, int64_t features, double eps) : Norm(std::move(type)), eps_(eps) {
  weight = register_parameter("weight", torch::empty({features}));
  bias = register_parameter("bias", torch::empty({features}));
}

torch::Tensor LayerNorm::forward(const torch::Tensor& input) {
  if (input.is_meta()) return torch::empty_like(input);
  return torch::layer_norm(input, weight.sizes(), weight, bias, eps_);
}

void LayerNorm::reset() {
  const torch::NoGradGuard no_grad;
  start(*this);
}

torch::Tensor LayerNorm2d::forward(const torch::Tensor& input) {
  return LayerNorm::forward(input.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
}

std::shared_ptr<Norm> make_norm(int64_t channels, const NormOptions& options) {
  const BatchNormOptions batch{options.eps, options.momentum};
  switch (options.kind) {
    case NormKind::Batch: return std::make_shared<BatchNorm2d>(channels, batch);
    case NormKind::Sync: return std::make_shared<SyncBatchNorm>(channels, batch);
    case NormKind::Frozen: return std::make_shared<FrozenBatchNorm2d>(channels, options.eps);
    case NormKind::Group: return std::make_shared<GroupNorm>(options.groups, channels, options.eps);
  }
  return nullptr;
}

}  // namespace mlrun::nn
