#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/detection/detector.h"
#include "models/detection/fpn.h"
#include "models/detection/samples.h"
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
class Fcos : public Detector {
 public:
  Fcos(std::shared_ptr<PyramidBackbone> backbone, FcosOptions options);

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override;
  std::vector<std::string> heads() const override;

 protected:
  std::vector<std::string> losses() const override { return {"classification", "bbox_regression", "bbox_ctrness"}; }

 private:
  /// Maps of the head by kind, each for every map of the pyramid.
  struct Outputs {
    nn::Tensors logits, codes, centres;
  };
  nn::Tensors learn(const Outputs& outputs, const std::vector<torch::Tensor>& squares, const nn::Tensors& inputs) const;
  torch::Tensor match(const torch::Tensor& boxes, const std::vector<torch::Tensor>& squares) const;
  Found find(const Outputs& outputs, const std::vector<torch::Tensor>& squares, std::int64_t image,
             const ImageSize& size);

  FcosOptions options_;
  nn::AnchorGenerator squares_;
  nn::LinearBoxCoder coder_;
  std::shared_ptr<PyramidBackbone> backbone_;
  std::shared_ptr<nn::Layer> head_;
};

}  // namespace mlrun::models
