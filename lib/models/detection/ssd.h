#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/detection/dense_detector.h"
#include "nn/boxes/anchors.h"
#include "nn/boxes/box_coder.h"
#include "nn/layers.h"

/// Liu et al., "SSD: Single Shot MultiBox Detector", ECCV 2016, as torchvision builds it.
namespace mlrun::models {

/// A predictor for each map, scores and codes; it gives a map of logits [N, anchors * classes, H, W] for each map, then
/// a map of codes [N, anchors * 4, H, W] for each.
struct SsdHeadParts {
  std::string type;  ///< upstream's class
  std::vector<std::shared_ptr<nn::Layer>> scores, codes;
  std::function<void(nn::Layer&)> redraw;  ///< upstream's second pass over either
};
std::shared_ptr<nn::Layer> ssd_head(const SsdHeadParts& parts);

struct SsdOptions {
  std::int64_t classes = 91;  ///< the background among them, the first
  nn::DefaultBoxes boxes;
  double iou = 0.5;                 ///< of a match
  double positive_fraction = 0.25;  ///< of the boxes that scores are learnt from
  DetectorInput input{};
  DetectionSettings settings{};
};

class Ssd : public DenseDetector {
 public:
  Ssd(std::shared_ptr<nn::Layer> backbone, std::shared_ptr<nn::Layer> head, SsdOptions options);

  std::vector<std::string> heads() const override;
  DenseMeaning meaning() const override;

 protected:
  std::vector<std::string> losses() const override { return {"bbox_regression", "classification"}; }
  /// Those of all maps in one.
  std::vector<torch::Tensor> anchors_of_maps(const nn::Tensors& logits, std::int64_t height,
                                             std::int64_t width) const override;
  nn::Tensors learn(const Outputs& outputs, const std::vector<torch::Tensor>& anchors,
                    const nn::Tensors& inputs) const override;
  Found find(const Outputs& outputs, const std::vector<torch::Tensor>& anchors, std::int64_t image,
             const ImageSize& size) override;

 private:
  torch::Tensor class_loss(const torch::Tensor& logits, const torch::Tensor& wanted) const;

  SsdOptions options_;
  nn::BoxCoder coder_;
};

}  // namespace mlrun::models
