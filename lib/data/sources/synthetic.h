#pragma once

#include <cstdint>
#include <memory>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

struct SyntheticOptions {
  std::int64_t train_samples = 1024;
  std::int64_t val_samples = 0;
  std::int64_t test_samples = 256;
  std::int64_t num_classes = 10;
  std::int64_t height = 32;
  std::int64_t width = 32;
  std::int64_t channels = 3;
  double noise = 0.25;
  std::int64_t seed = 0;
  static void declare(config::Declare<SyntheticOptions>& d);
};

/// Images that a small network learns: each class has a pattern of 8 x 8 fields, which every sample
/// shifts a little and covers with uniform noise. A sample depends on the options, its split and
/// its position there, so any one can be made again. Shares divide the training samples. Images are
/// uint8 [height, width, channels]; labels go round the classes.
std::shared_ptr<const Dataset> open_synthetic(const SyntheticOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
