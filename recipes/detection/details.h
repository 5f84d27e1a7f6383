#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "config/recipe.h"
#include "metrics/metric.h"
#include "models/detection/detector.h"

namespace mlrun::detection {

/// What a model gives beside boxes.
struct Details {
  bool masks = false;
  std::int64_t keypoints = 0;  ///< of each thing
};

/// What `model` gives: what it learns from. It is left in training mode. UserError where things of the data, which
/// `facts` are of, have another number of keypoints.
Details details_of(models::Detector& model, const config::ModelSection& section, const Json& facts);

/// What a recipe says of its figures.
struct FigureChoice {
  bool voc = false;                     ///< PASCAL VOC's before COCO's
  std::vector<double> keypoint_sigmas;  ///< empty: the usual ones
};

/// Metrics of all that the model gives and the data, which `facts` are of, have.
std::vector<std::unique_ptr<metrics::Metric>> metrics_of(const std::vector<std::string>& classes, const Json& facts,
                                                         const Details& details, const FigureChoice& choice);

}  // namespace mlrun::detection
