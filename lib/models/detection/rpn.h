#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "models/detection/samples.h"
#include "nn/boxes/anchors.h"
#include "nn/boxes/box_coder.h"
#include "nn/boxes/matcher.h"

/// Where something may be, of any class (Ren et al., "Faster R-CNN", NeurIPS 2015), as torchvision builds it.
namespace mlrun::models {

constexpr double kLeastProposalSide = 1e-3;  ///< pixels; smaller proposals are left out

struct ProposalOptions {
  nn::AnchorGenerator anchors;
  std::int64_t channels = 256;                            ///< of every map
  std::int64_t depth = 1;                                 ///< convolutions before the two that answer
  std::int64_t candidates_train = 2000;                   ///< of a level, before suppression
  std::int64_t proposals_train = 2000, proposals = 1000;  ///< of an image, after it
  double nms_threshold = 0.7, score_threshold = 0;
  double high = 0.7, low = 0.3;  ///< IoUs of an object and of the background
  std::int64_t batch = 256;      ///< anchors of an image that are learnt from
  double positive_share = 0.5;
};

/// For each map logits [N, anchors, H, W], then for each codes [N, anchors * 4, H, W].
class ProposalNetwork : public nn::Layer {
 public:
  explicit ProposalNetwork(const ProposalOptions& options);

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& maps) override;

  const ProposalOptions& options() const { return options_; }
  /// What it makes of one batch.
  struct Outputs {
    nn::Tensors logits, codes, anchors;  ///< of each map
  };
  /// `outputs` of `forward` with the anchors of their maps, of images of `height` x `width`.
  Outputs placed(const nn::Tensors& outputs, std::int64_t height, std::int64_t width) const;
  /// Of each image the boxes [n, 4] to look at closer, the best first; `candidates` of a level are looked at.
  std::vector<torch::Tensor> propose(const Outputs& outputs, const std::vector<ImageSize>& sizes,
                                     std::int64_t candidates) const;
  /// Losses of objectness and of boxes. Draws which anchors are learnt from.
  nn::Tensors losses(const Outputs& outputs, const std::vector<Truth>& truths) const;

 private:
  torch::Tensor proposals_of(const Outputs& outputs, std::int64_t image, const ImageSize& size,
                             std::int64_t candidates) const;

  ProposalOptions options_;
  nn::BoxCoder coder_;
  nn::Matcher matcher_;
  std::shared_ptr<nn::Layer> head_;
};

}  // namespace mlrun::models
