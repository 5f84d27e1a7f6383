#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "data/sources/source.h"
#include "data/transforms/transform.h"
#include "engine/result_files.h"

/// What detectors found as files of the field: COCO's results, YOLO's labels.
namespace mlrun::detection {

/// The numbers that the data give their classes, in class order; 1, 2, ... where they have none.
std::vector<std::int64_t> numbers_of_classes(const data::DataInfo& info);

/// The number of an image among its data's, or its place from 1 where they have none.
std::int64_t image_number(const data::Batch& batch, std::size_t row);

/// `coco`; `yolo`, a label file for each image with the boxes that have a score of at least `shown`, as they are learnt
/// from; `yolo_scores`, all boxes and their scores.
std::vector<engine::ResultForm> result_forms();
std::unique_ptr<engine::ResultWriter> write_results(const data::DataInfo& info, const engine::ResultTarget& target,
                                                    double shown);

/// Whether transforms of evaluation leave an image's pixels where they are.
bool keeps_places(const data::TransformFactory& transforms, const std::vector<config::Component>& list,
                  const data::TransformContext& context);

/// Samples of `raw` without their images; null where it is.
std::shared_ptr<const data::Source> targets_alone(std::shared_ptr<const data::Source> raw);

/// COCO's results of the images of `truths`, boxes with the masks and keypoints that stand there. An image without
/// results is one where nothing was found; what is of an image that is not there is a UserError. Results of categories
/// that the data do not have are left out with a warning, as COCO's API leaves them out; UserError where all are.
std::unique_ptr<engine::ReadResults> read_results(const std::filesystem::path& file, const data::DataInfo& info,
                                                  const data::Source& truths);

}  // namespace mlrun::detection
