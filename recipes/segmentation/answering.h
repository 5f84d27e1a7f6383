#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::segmentation {

/// How a trained model is asked. None of it is part of a run: `eval`, `predict` and a resumed training may change it.
struct AnswerSettings {
  std::string size = "model";
  std::optional<std::int64_t> window, stride;
  bool flip = false, overlays = false;
  static void declare(config::Declare<AnswerSettings>& d);
};

/// Logits [N, C, H, W] of images [N, channels, H, W].
using RunModel = std::function<torch::Tensor(const torch::Tensor& images)>;

/// A height and a width.
struct Size {
  std::int64_t height = 0, width = 0;
};

/// What the model says of images of one size, as the settings ask it: in windows, whose logits are averaged where they
/// overlap (as mmsegmentation's mode `slide`), and of the mirrored images too.
class Views {
 public:
  Views(const AnswerSettings& settings, const RunModel& run, const torch::Tensor& images);

  /// Logits [N, C, H, W]. Of several views: logarithms of the mean of their probabilities.
  torch::Tensor all() const;
  /// The same of image `i`, [C, height, width], each view resized before (bilinear).
  torch::Tensor of(std::int64_t i, const Size& size) const;

 private:
  std::vector<torch::Tensor> views_;  ///< [N, C, H, W], as the images lie
};

/// Samples of `raw` with a copy of their masks, as the data have them, in the field `whole`.
std::shared_ptr<const data::Source> keep_whole_masks(std::shared_ptr<const data::Source> raw);
/// Samples of `prepared`, made of those, whose masks are the whole ones, and their `inputs.size`: int64, height and
/// width.
std::shared_ptr<const data::Source> use_whole_masks(std::shared_ptr<const data::Source> prepared);

}  // namespace mlrun::segmentation
