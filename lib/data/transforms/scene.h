#pragma once

#include <torch/types.h>

#include "base/random.h"
#include "data/fields.h"

namespace mlrun::data {

class Followers;

/// An image, uint8 [H, W, C], and the targets that go with it.
struct Scene {
  torch::Tensor image;
  Fields targets;
};

/// Further samples of a split, for a transform that puts several together.
class Others {
 public:
  virtual ~Others() = default;
  /// One of all samples, as the transforms before the one that asks make it. Which, and what they draw, depends on what
  /// `random` draws and on the epoch alone.
  virtual Scene draw(KeyedRandom& random) const = 0;
};

/// What a transform may need beside its scene.
struct Surroundings {
  const Followers& followers;
  const Others& others;
};

/// What a transform does to the places that targets mark in an image.
enum class Places {
  Stay,     ///< nothing: it changes colours
  Planned,  ///< what `Transform::plan` says, which it then can of every image that it takes
  Moved,    ///< what `Transform::apply_to` tells the followers
  Joined,   ///< the same, of several samples
  Lost,     ///< what no target can follow
};

}  // namespace mlrun::data
