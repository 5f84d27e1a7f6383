#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "models/detection/samples.h"

/// What detectors do with the numbers of one image, in operations that a trace keeps: how many boxes there are is found
/// anew wherever it runs. Which boxes remain is what the detectors themselves say, but for equal scores.
namespace mlrun::models {

/// Which operators suppression is made of: torchvision's, for TorchScript, or those that ONNX has.
enum class TraceTarget { TorchScript, Onnx };

struct TracedHow {
  TraceTarget target = TraceTarget::TorchScript;
  DetectionSettings settings;
  std::int64_t classes = 91;  ///< labels are below
  ImageSize size{};           ///< of the image, which fills the batch
};

/// Rows, int64, where `mask` [n] holds.
torch::Tensor rows_where(const torch::Tensor& mask);
/// The rows of the first image's map [N, each * columns, H, W], in the order of anchors: [each * H * W, columns].
torch::Tensor first_rows(const torch::Tensor& map, std::int64_t columns);
/// Those of `all` where `mask` holds.
Found found_where(const Found& all, const torch::Tensor& mask);
Found found_together(const std::vector<Found>& parts);
/// Row numbers by falling score.
torch::Tensor best_first(const torch::Tensor& scores);

/// The best of `all` after suppression within classes, or across them: see best_found.
Found traced_best(const Found& all, const TracedHow& how);

/// The best of boxes [n, 4] that each have scores [n, classes] of all classes, the first of which is the background.
Found traced_best_of_classes(const torch::Tensor& boxes, const torch::Tensor& scores, const TracedHow& how);

}  // namespace mlrun::models
