#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "models/detection/dense_detector.h"
#include "models/detection/fpn.h"
#include "nn/boxes/anchors.h"
#include "nn/boxes/box_coder.h"
#include "nn/boxes/matcher.h"

/// Lin et al., "Focal Loss for Dense Object Detection", ICCV 2017, as torchvision builds it.
namespace mlrun::models {

/// What makes logits and codes of maps. It gives a map of logits [N, anchors * classes, H, W] for each map, then a map
/// of codes [N, anchors * 4, H, W] for each.
struct RetinaNetHeadOptions {
  std::int64_t channels = 256, anchors = 9, classes = 91;
  std::optional<nn::NormOptions> norm{};
};
std::shared_ptr<nn::Layer> retinanet_head(const RetinaNetHeadOptions& options);

enum class BoxLoss { L1, SmoothL1, Giou };
/// By its name in recipes: l1, smooth_l1, giou.
BoxLoss box_loss_of(const std::string& name);

struct RetinaNetOptions {
  std::int64_t classes = 91;  ///< the background among them, which nothing is learnt of
  BoxLoss loss = BoxLoss::L1;
  double high = 0.5, low = 0.4;  ///< IoUs of a match and of the background
  nn::AnchorGenerator anchors;
  DetectorInput input{};
  DetectionSettings settings{0.05, 0.5, 300, 1000};
};

/// Three lengths from a first one, each a third of an octave above the last, for each of five maps from `first` on; and
/// three ratios.
nn::AnchorGenerator octave_anchors(std::int64_t first = 32, std::size_t maps = 5);

/// `backbone` makes maps of images, `head` logits and codes of maps (see RetinaNetHeadOptions).
class RetinaNet : public DenseDetector {
 public:
  RetinaNet(std::shared_ptr<nn::Layer> backbone, std::shared_ptr<nn::Layer> head, RetinaNetOptions options);

  std::vector<std::string> heads() const override;
  DenseMeaning meaning() const override;

 protected:
  std::vector<std::string> losses() const override { return {"classification", "bbox_regression"}; }
  std::vector<torch::Tensor> anchors_of_maps(const nn::Tensors& logits, std::int64_t height,
                                             std::int64_t width) const override;
  nn::Tensors learn(const Outputs& outputs, const std::vector<torch::Tensor>& anchors,
                    const nn::Tensors& inputs) const override;
  Found find(const Outputs& outputs, const std::vector<torch::Tensor>& anchors, std::int64_t image,
             const ImageSize& size) override;

 private:
  torch::Tensor box_loss(const torch::Tensor& codes, const torch::Tensor& anchors, const Truth& truth,
                         const torch::Tensor& matched) const;

  RetinaNetOptions options_;
  nn::BoxCoder coder_;
  nn::Matcher matcher_;
};

}  // namespace mlrun::models
