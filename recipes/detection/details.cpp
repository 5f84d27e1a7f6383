#include "recipes/detection/details.h"

#include <algorithm>

#include "base/error.h"
#include "metrics/coco/metric.h"
#include "models/named_model.h"

namespace mlrun::detection {
namespace {

constexpr std::int64_t kPersonKeypoints = 17;

/// COCO's for people; of other things nobody has measured them.
std::vector<double> sigmas_of(std::int64_t keypoints, const std::vector<double>& own) {
  constexpr double kPlain = 0.05;
  if (own.empty()) {
    if (keypoints == kPersonKeypoints) return metrics::CocoSettings::of(metrics::CocoKind::Keypoints).sigmas;
    return std::vector<double>(static_cast<std::size_t>(keypoints), kPlain);
  }
  if (static_cast<std::int64_t>(own.size()) == keypoints) return own;
  throw UserError(
      Problem{"", 0, 0, "task.answer.keypoint_sigmas",
              "has " + std::to_string(own.size()) + " numbers for " + std::to_string(keypoints) + " keypoints",
              "give one for each"});
}

}  // namespace

Details details_of(models::Detector& model, const config::ModelSection& section, const Json& facts) {
  model.train();
  const auto ports = model.interface().inputs;
  const auto takes = [&ports](const char* name) {
    return std::any_of(ports.begin(), ports.end(), [name](const nn::Port& port) { return port.name == name; });
  };
  Details details{takes("masks")};
  if (!takes("keypoints")) return details;
  details.keypoints = models::integer_option(section.architecture, "num_keypoints").value_or(kPersonKeypoints);
  const std::int64_t known = facts.value("keypoint_count", details.keypoints);
  if (known == details.keypoints) return details;
  throw UserError(Problem{"", 0, 0, "model.num_keypoints",
                          "is " + std::to_string(details.keypoints) + ", and things of the data have " +
                              std::to_string(known) + " keypoints",
                          "set it to " + std::to_string(known)});
}

std::vector<std::unique_ptr<metrics::Metric>> metrics_of(const std::vector<std::string>& classes, const Json& facts,
                                                         const Details& details, const FigureChoice& choice) {
  std::vector<std::unique_ptr<metrics::Metric>> list;
  if (choice.voc) list.push_back(metrics::make_voc_boxes(classes, facts.value("inclusive_corners", false)));
  list.push_back(metrics::make_coco_boxes(classes));
  if (details.masks && facts.value("masks", false)) list.push_back(metrics::make_coco_masks(classes));
  if (details.keypoints > 0 && facts.contains("keypoint_count")) {
    list.push_back(metrics::make_coco_keypoints(classes, sigmas_of(details.keypoints, choice.keypoint_sigmas)));
  }
  return list;
}

}  // namespace mlrun::detection
