#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

#include "data/sources/source.h"
#include "metrics/metric.h"

namespace mlrun::segmentation {

/// int64 [classes, classes]: pixels by true and found class, of masks [H, W] of whole numbers; where `truth` is 255
/// they count nowhere.
torch::Tensor count_pixels(const torch::Tensor& truth, const torch::Tensor& found, std::int64_t classes);

/// Of such counts: the mean over the classes that occur in either, of intersection over union in per cent. NaN without
/// any.
double mean_iou(const torch::Tensor& counts);

/// Counts of pixels by true and predicted class, exact: `miou`, the mean over the classes that occur, in the masks or
/// the predictions, of intersection over union; `dice`, the same of Dice's coefficient; `pixel_acc`, the share of valid
/// pixels that are right; in per cent.
std::unique_ptr<metrics::Metric> make_overlap(const data::DataInfo& info);

/// `loss`: the mean cross-entropy of valid pixels, summed in float64.
std::unique_ptr<metrics::Metric> make_loss();

/// What is listed of each image of an evaluation: `pixels` that count, `wrong` ones among them, `miou` and `loss` of
/// the image by itself.
std::vector<std::string> judged_columns();
/// The same of a batch of masks of `classes` classes; null where no pixel counts.
std::vector<std::vector<Json>> judge(std::int64_t classes, const data::Fields& prediction, const data::Batch& batch);

}  // namespace mlrun::segmentation
