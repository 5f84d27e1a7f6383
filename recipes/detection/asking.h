#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <torch/types.h>

#include "config/options.h"
#include "data/image/run_lengths.h"
#include "models/detection/detector.h"

namespace mlrun::detection {

/// How a trained model is asked. None of it is part of a run: `eval`, `predict` and a resumed training may change it.
struct AnswerSettings {
  std::optional<double> score_threshold, nms_threshold;
  std::optional<std::int64_t> detections, candidates;
  bool agnostic_nms = false;
  double shown_score = 0.5;
  std::vector<double> keypoint_sigmas;
  std::optional<std::int64_t> tile;
  double tile_overlap = 0.2, tile_merge = 0.5;
  bool tile_whole = true;
  static void declare(config::Declare<AnswerSettings>& d);
  /// Puts what is set in the place of the model's own.
  void apply(models::DetectionSettings& settings) const;

 private:
  static void declare_tiles(config::Declare<AnswerSettings>& d);
};

/// The boxes of one image, in its pixels, the best first, and what more a model says of what lies in them.
struct Found {
  torch::Tensor boxes, scores, labels;     ///< float32 [N, 4], float32 [N], int64 [N]
  torch::Tensor keypoints{};               ///< float32 [N, K, 3]: x, y, visible; undefined where there are none
  torch::Tensor masks{};                   ///< float32 [N, 1, side, side]: probabilities in the boxes; or undefined
  std::vector<data::RunLengths> shapes{};  ///< the same as masks of the image; N, or none

  /// The rows that `kept`, bool [N], has.
  Found rows(const torch::Tensor& kept) const;
};

/// One of them.
struct Row {
  std::size_t label;
  double score, left, top, right, bottom;
};

std::vector<Row> rows_of(const Found& found);

/// The labels of a model's head for the classes of data: torchvision's models count from 1, for 0 is the background.
class HeadLabels {
 public:
  HeadLabels() = default;
  /// One after another, or where a head has as many outputs as the published weights, which know classes by the numbers
  /// of their categories, those. UserError where neither fits.
  HeadLabels(std::int64_t outputs, const std::vector<std::int64_t>& categories, std::int64_t classes);

  /// Classes, int64, as the head's labels.
  torch::Tensor of_classes(const torch::Tensor& classes) const { return labels_.index({classes}); }
  /// Keeps what is of a class of the data, under its number there.
  void keep_classes(Found& found) const;

 private:
  torch::Tensor labels_, classes_;  ///< int64: label of each class, class of each label or -1
};

/// An image [C, H, W] of 0 to 1 as the model wants its numbers; images of other than the model's channels by their
/// mean.
torch::Tensor normalised(const torch::Tensor& image, const models::DetectorInput& input);

/// Runs `model`, in evaluation mode, on an image [C, H, W] of 0 to 1.
Found detect(models::Detector& model, const torch::Tensor& image);

}  // namespace mlrun::detection
