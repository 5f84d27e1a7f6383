#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

namespace mlrun::nn {

/// Boxes at every place of maps of features, of some sizes and ratios (Ren et al., Faster R-CNN, 2015).
class AnchorGenerator {
 public:
  /// For each map the lengths in pixels of the image, and the ratios of height to width.
  AnchorGenerator(std::vector<std::vector<double>> sizes, std::vector<std::vector<double>> ratios);

  /// How many stand at a place of each map.
  std::vector<std::int64_t> per_place() const;
  /// [places * per_place, 4] for each of `maps` ([N, C, H, W]) of images of `height` x `width` pixels, padding
  /// included: row by row, at each place ratio by ratio. Of the maps' type and device.
  std::vector<torch::Tensor> operator()(const std::vector<torch::Tensor>& maps, std::int64_t height,
                                        std::int64_t width) const;

 private:
  std::vector<std::vector<double>> sizes_, ratios_;
};

struct DefaultBoxOptions {
  std::vector<std::vector<std::int64_t>> ratios{};  ///< for each map, beside 1
  double min_ratio = 0.15, max_ratio = 0.9;
  std::vector<double> scales{};       ///< of the image; empty: evenly from min_ratio to max_ratio
  std::vector<std::int64_t> steps{};  ///< pixels between places of each map; empty: as they divide the image
  bool clip = true;
};

/// SSD's (Liu et al., ECCV 2016).
class DefaultBoxes {
 public:
  explicit DefaultBoxes(DefaultBoxOptions options);
  std::vector<std::int64_t> per_place() const;
  /// [all places of all maps, 4] in pixels of images of `height` x `width`.
  torch::Tensor operator()(const std::vector<torch::Tensor>& maps, std::int64_t height, std::int64_t width) const;

 private:
  DefaultBoxOptions options_;
  std::vector<double> scales_;
};

}  // namespace mlrun::nn
