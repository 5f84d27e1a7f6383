#pragma once

#include <cstddef>
#include <vector>

#include "nn/layers.h"

namespace mlrun::nn {

/// A run of steps of one Sequential: [first, last).
struct Stretch {
  Sequential* sequence = nullptr;
  std::size_t first = 0, last = 0;
};

/// The parts of a model of which activation checkpointing keeps the inputs alone. None lies within another.
struct RecomputeBlocks {
  std::vector<Layer*> layers;
  std::vector<Stretch> stretches;
};

/// Finds them in the tree of layers. Sequences are looked into, and so are layers that hold two or more large
/// layers of one type (an encoder, a dense block): a residual block, an encoder layer, a dense layer is one block.
/// In a sequence, neighbouring layers without children form stretches: all of a short run, in a long one (VGG)
/// about the square root of its length, each from one layer with parameters on.
RecomputeBlocks recompute_blocks(Layer& root);

}  // namespace mlrun::nn
