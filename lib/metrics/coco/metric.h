#pragma once

#include <memory>
#include <string>
#include <vector>

#include "metrics/coco/settings.h"
#include "metrics/metric.h"

namespace mlrun::metrics {

/// COCO's evaluation of boxes as a metric, in per cent: `ap`, `ap50`, `ap75`, `ap_small`, `ap_medium`, `ap_large`,
/// `ar1`, `ar10`, `ar100`, `ar_small`, `ar_medium`, `ar_large`; those of a size that no object has are absent.
///
/// Of a prediction it takes the ragged lists `boxes` (float [n, 4], x and y of two corners in pixels of the image as it
/// lies on disk), `scores` [n] and `labels` (int64 [n], positions of `classes`), where it is there `xywh` (float64 [n,
/// 4]: the boxes as a file of results has them, to the last digit), of the targets `boxes`, `labels`, and where they
/// are there `crowd` (bool [n]), `area` (float64 [n]) and `difficult` (bool [n]: ignored). Images are told apart by the
/// batch's indices.
///
/// Details: `per_class`, `errors`, `confusion`, `remarks`. Exhibits: `per_class`, `precision_recall` (curves), `errors`
/// (what each kind costs), `confusion` (with the background), and remarks on figures that are absent or 0.
std::unique_ptr<Metric> make_coco_boxes(std::vector<std::string> classes,
                                        CocoSettings settings = CocoSettings::of(CocoKind::Boxes));

/// The same of masks, as `mask_ap`, `mask_ap50`, ...; names of details and exhibits begin so, too. Of a prediction it
/// also takes `masks`, those of each image as `data::packed_runs` (of its size), of the targets `masks`, uint8 [n, H,
/// W]. An area that the targets do not have is the mask's.
std::unique_ptr<Metric> make_coco_masks(std::vector<std::string> classes);

/// The same of keypoints by their similarity (OKS), as `keypoint_ap`, `keypoint_ap50`, `keypoint_ap75`,
/// `keypoint_ap_medium`, `keypoint_ap_large`, `keypoint_ar20`, ... Prediction and targets also have `keypoints`, float
/// [n, K, 3]: x, y and visibility; a truth of which none is visible counts for nothing. `sigmas`, one for each of K:
/// how far people place each apart, by the object's size.
std::unique_ptr<Metric> make_coco_keypoints(std::vector<std::string> classes, std::vector<double> sigmas);

/// Pascal VOC's evaluation of the same, in per cent: `voc07_ap50` (eleven points) and `voc_ap50` (the area below the
/// curve). Corners are pixels that belong to the box where they are `inclusive`. Details and exhibit: `voc_per_class`.
std::unique_ptr<Metric> make_voc_boxes(std::vector<std::string> classes, bool inclusive = true);

}  // namespace mlrun::metrics
