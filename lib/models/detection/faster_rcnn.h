#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/detection/detector.h"
#include "models/detection/fpn.h"
#include "models/detection/roi_heads.h"
#include "models/detection/rpn.h"

/// Two stages: where something may be, then what it is (Ren et al., "Faster R-CNN", NeurIPS 2015), as torchvision
/// builds it on a pyramid.
namespace mlrun::models {

struct FasterRcnnOptions {
  ProposalOptions proposals;
  RegionOptions regions{};
  DetectorInput input{};
  DetectionSettings settings{};
};

/// Beside a Detector's ports, with masks: `masks`, in training uint8 [n, H, W] of the resized images in their padding,
/// in evaluation the probabilities [n, 1, 28, 28] that what lies in a box belongs to it. With keypoints: `keypoints`,
/// float32 [n, points, 3] (x, y, visible), and in evaluation `keypoints_scores` [n, points].
///
/// Its parts: `features`, `image` [N, C, H, W] to the maps that regions are pooled from (`map_0`, ...), then the
/// proposal network's logits of all maps, one more (`logits_0`, ..., [N, anchors, h, w]), then its codes (`codes_0`,
/// ..., [N, anchors * 4, h, w]). `box_head`, `regions` [K, channels, side, side] to `logits` [K, classes] and `codes`
/// [K, classes * 4]. `mask_head` or `keypoint_head`, `regions` [K, channels, detail_side, detail_side] to `logits`, see
/// mask_probabilities and keypoint_places.
class FasterRcnn : public Detector {
 public:
  /// Proposals are made of all maps of the backbone, regions are pooled from all but the last.
  FasterRcnn(std::shared_ptr<PyramidBackbone> backbone, const FasterRcnnOptions& options);

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& inputs) override;
  nn::Interface interface() const override;
  std::vector<std::string> heads() const override;
  const ProposalOptions& proposals() const { return rpn_->options(); }
  const RegionOptions& regions() const { return roi_heads_->options(); }
  /// In the order in which upstream constructs the parts.
  void reset() override;

 protected:
  std::vector<std::string> losses() const override;

 private:
  RegionDetail detail() const { return roi_heads_->options().detail; }
  void make_parts();
  torch::Tensor detail_logits(const torch::Tensor& pooled) const;
  nn::Tensors learn(const nn::Tensors& maps, const ProposalNetwork::Outputs& outputs, const nn::Tensors& inputs);
  torch::Tensor learn_detail(const nn::Tensors& maps, const std::vector<RegionSamples>& samples,
                             const nn::Tensors& inputs) const;
  nn::Tensors find(const nn::Tensors& maps, const ProposalNetwork::Outputs& outputs, const nn::Tensors& inputs);
  /// The tensors at the ports after `boxes`, `scores` and `labels`.
  nn::Tensors find_detail(const nn::Tensors& maps, const std::vector<Found>& found, std::int64_t height) const;
  /// For images without numbers: the heads run on as many regions as there are at most.
  nn::Tensors blank(const torch::Tensor& images);

  std::shared_ptr<PyramidBackbone> backbone_;
  std::shared_ptr<ProposalNetwork> rpn_;
  std::shared_ptr<RegionHeads> roi_heads_;
};

}  // namespace mlrun::models
