#pragma once

#include <cstdint>
#include <memory>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct SyntheticShapesOptions {
  std::int64_t train_samples = 64, val_samples = 16, test_samples = 16;
  std::int64_t num_classes = 3;
  std::int64_t height = 64, width = 64, channels = 3;
  std::int64_t shapes = 4;
  double noise = 0.1;
  std::int64_t seed = 0;
  static void declare(config::Declare<SyntheticShapesOptions>& d);
};

/// Images of discs and rectangles on a grey ground, each class but the first (the ground) with a colour of its own,
/// under noise, and their masks: `targets.mask`, uint8 [H, W]. A sample depends on the options, its split and its
/// position there. UserError where shares of splits are asked for.
std::shared_ptr<const Dataset> open_synthetic_shapes(const SyntheticShapesOptions& options, const OpenRequest& request);

/// The same images with a box around each shape: `targets.boxes`, `labels`, `crowd`, `area`, `object_ids`. The ground
/// is no class of theirs.
std::shared_ptr<const Dataset> open_synthetic_boxes(const SyntheticShapesOptions& options, const OpenRequest& request);

/// The same with the pixels of each shape, those that others cover among them: `targets.masks`, uint8 [n, H, W]; its
/// area is theirs.
std::shared_ptr<const Dataset> open_synthetic_instances(const SyntheticShapesOptions& options,
                                                        const OpenRequest& request);

}  // namespace mlrun::data
