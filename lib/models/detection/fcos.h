#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/detection/dense_detector.h"
#include "models/detection/fpn.h"
#include "nn/boxes/anchors.h"
#include "nn/boxes/box_coder.h"

/// Tian et al., "FCOS: A Simple and Strong Anchor-free Object Detector", 2020, as torchvision builds it.
namespace mlrun::models {

struct FcosOptions {
  std::int64_t classes = 91;  ///< the background among them, which nothing is learnt of
  double radius = 1.5;        ///< strides round the middle of a box inside which a place learns to find it
  DetectorInput input{};
  DetectionSettings settings{0.2, 0.6, 100, 1000};
};

/// One square of a stride at each place, from whose middle the sides of a box are told.
class Fcos : public DenseDetector {
 public:
  Fcos(std::shared_ptr<PyramidBackbone> backbone, FcosOptions options);

  std::vector<std::string> heads() const override;
  DenseMeaning meaning() const override;

 protected:
  std::vector<std::string> losses() const override { return {"classification", "bbox_regression", "bbox_ctrness"}; }
  /// Squares of a stride.
  std::vector<torch::Tensor> anchors_of_maps(const nn::Tensors& logits, std::int64_t height,
                                             std::int64_t width) const override;
  nn::Tensors learn(const Outputs& outputs, const std::vector<torch::Tensor>& squares,
                    const nn::Tensors& inputs) const override;
  Found find(const Outputs& outputs, const std::vector<torch::Tensor>& squares, std::int64_t image,
             const ImageSize& size) override;

 private:
  torch::Tensor match(const torch::Tensor& boxes, const std::vector<torch::Tensor>& squares) const;

  FcosOptions options_;
  nn::AnchorGenerator squares_;
  nn::LinearBoxCoder coder_;
};

}  // namespace mlrun::models
