#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/detection/detector.h"
#include "models/detection/samples.h"
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

class Ssd : public Detector {
 public:
  Ssd(std::shared_ptr<nn::Layer> backbone, std::shared_ptr<nn::Layer> head, SsdOptions options);

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override;
  std::vector<std::string> heads() const override;

 protected:
  std::vector<std::string> losses() const override { return {"bbox_regression", "classification"}; }

 private:
  nn::Tensors learn(const torch::Tensor& logits, const torch::Tensor& codes, const torch::Tensor& boxes,
                    const nn::Tensors& inputs) const;
  torch::Tensor class_loss(const torch::Tensor& logits, const torch::Tensor& wanted) const;
  Found find(const torch::Tensor& scores, const torch::Tensor& codes, const torch::Tensor& boxes,
             const ImageSize& size);

  SsdOptions options_;
  nn::BoxCoder coder_;
  std::shared_ptr<nn::Layer> backbone_, head_;
};

}  // namespace mlrun::models
