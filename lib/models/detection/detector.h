#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

#include "models/detection/parts.h"

namespace mlrun::models {

/// How a detector wants its images, beside their being 0 to 1 and normalised.
struct DetectorInput {
  std::vector<std::int64_t> min_sizes = {800};     ///< of the shorter side; in training one of them by chance
  std::int64_t max_size = 1333;                    ///< of the longer side
  std::int64_t fixed_height = 0, fixed_width = 0;  ///< or this size, whatever the ratio; 0: none
  std::vector<double> mean = {0.485, 0.456, 0.406}, std = {0.229, 0.224, 0.225};
  std::int64_t divisible = 32;  ///< both sides of a batch, by padding
};

/// How it is asked: no part of training.
struct DetectionSettings {
  double score_threshold = 0.05, nms_threshold = 0.5;
  std::int64_t detections = 100;   ///< of an image at most
  std::int64_t candidates = 1000;  ///< of a level (or of a class) before suppression
  bool agnostic = false;           ///< suppression heeds no class
};

/// What finds things. In training it takes `image` [N, C, H, W] (resized, normalised, padded), `sizes` int64 [N, 2]
/// (height and width of each image in the padding), and the ragged `boxes` (pixels of the resized image) and `labels`
/// (int64; 0 is the background), and gives its losses, numbers under torchvision's names. In
/// evaluation it takes the first two and gives the ragged `boxes`, `scores` and `labels`, the best first.
class Detector : public nn::Layer, public nn::InParts {
 public:
  Detector(std::string type, DetectorInput input, DetectionSettings settings)
      : Layer(std::move(type)), input_(std::move(input)), settings_(settings) {}

  const DetectorInput& input() const { return input_; }
  DetectionSettings& settings() { return settings_; }
  /// In the order in which they run: of one stage `raw` (see DenseDetector), of two `features`, `box_head`, `mask_head`
  /// or `keypoint_head` (see FasterRcnn). `forward` runs them by their doors, so whoever stands there answers for them.
  const std::vector<std::shared_ptr<DetectorPart>>& parts() const override { return parts_; }
  DetectorPart& part(const std::string& name) const;
  /// Of training or of evaluation, by `is_training()`.
  nn::Interface interface() const override;

 protected:
  /// Names of what training lowers, in the order in which torchvision sums them.
  virtual std::vector<std::string> losses() const = 0;
  void add_part(std::shared_ptr<DetectorPart> part) { parts_.push_back(std::move(part)); }

 private:
  DetectorInput input_;
  DetectionSettings settings_;
  std::vector<std::shared_ptr<DetectorPart>> parts_;
};

}  // namespace mlrun::models
