#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "nn/layer.h"

namespace mlrun::optim {

/// How deep in a model each parameter lies, for a learning rate that falls from the head to the stem.
struct Depths {
  std::map<std::string, std::int64_t> of;  ///< by state-dict name; 0: the stem
  std::int64_t head = 0;                   ///< of the head: the number of blocks and the stem
};

/// Counts a model's blocks as timm's param_groups_layer_decay does. A block is an outermost layer that
/// calls itself one (`nn::Layer::is_block`); the blocks of a model that has none (AlexNet, VGG) are
/// its convolutions and linear layers, the first of which is the stem. The stem is all before the
/// first block: convolutions, class token, position embedding. What stands between two blocks
/// (downsampling) goes with the later one; normalization and convolutions after the last block go with
/// the last block. The head is what the model calls its heads (`nn::Layer::heads`), else its last layer
/// with weights.
Depths layer_depths(nn::Layer& model);

/// A layer that normalizes.
bool is_norm(const nn::Layer& layer);

}  // namespace mlrun::optim
