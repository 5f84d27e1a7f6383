#include "nn/branches.h"

#include <utility>
#include <vector>

#include "base/error.h"

namespace mlrun::nn {

Tensors Chunk::forward(const Tensors& inputs) {
  const torch::Tensor& input = inputs.at(0);
  MLRUN_ASSERT(input.size(1) % parts_ == 0, "channels must be a multiple of the parts");
  return torch::chunk(input, parts_, 1);
}

// Sizes of the channels alone, so that a trace has no batch or image size in it. Channels-last stays
// channels-last.
torch::Tensor ChannelShuffle::forward(const torch::Tensor& input) {
  const int64_t channels = input.size(1);
  MLRUN_ASSERT(channels % groups_ == 0, "channels must be a multiple of the groups");
  const std::vector<int64_t> split = {groups_, channels / groups_};
  if (input.dim() == 4 && input.suggest_memory_format() == torch::MemoryFormat::ChannelsLast) {
    return input.permute({0, 2, 3, 1}).unflatten(3, split).transpose(3, 4).flatten(3, 4).permute({0, 3, 1, 2});
  }
  return input.unflatten(1, split).transpose(1, 2).flatten(1, 2);
}

torch::Tensor StochasticDepth::forward(const torch::Tensor& input) {
  if (!is_training() || p_ == 0 || input.is_meta()) return input;
  const double survival = 1 - p_;
  std::vector<int64_t> shape(static_cast<std::size_t>(input.dim()), 1);
  if (mode_ == DepthMode::Row) shape[0] = input.size(0);
  torch::Tensor noise = torch::empty(shape, input.options().requires_grad(false)).bernoulli_(survival);
  if (survival > 0) noise.div_(survival);
  return input * noise;
}

Residual::Residual(std::string type, std::string name, std::shared_ptr<Layer> branch, const ShortcutOptions& options)
    : UnaryLayer(std::move(type)) {
  branch_ = add(std::move(name), std::move(branch));
  if (!options.add) return;
  if (options.stochastic_depth) {
    stochastic_depth_ = add("stochastic_depth", std::make_shared<StochasticDepth>(*options.stochastic_depth));
  }
  add_ = add("add", std::make_shared<Add>());
}

torch::Tensor Residual::forward(const torch::Tensor& input) {
  torch::Tensor x = call(*branch_, input);
  if (!add_) return x;
  if (stochastic_depth_) x = call(*stochastic_depth_, x);
  return call(*add_, x, input);
}

}  // namespace mlrun::nn
