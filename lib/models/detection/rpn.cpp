#include "models/detection/rpn.h"

#include <algorithm>

#include "base/error.h"
#include "models/detection/candidates.h"
#include "models/detection/dense_head.h"
#include "nn/boxes/box_ops.h"
#include "nn/boxes/nms.h"

namespace mlrun::models {
namespace {

constexpr double kProposalStd = 0.01;

std::shared_ptr<nn::Conv2d> at_each_pixel(std::int64_t in, std::int64_t out) {
  return std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = in, .out = out});
}

class ProposalHead : public nn::Layer {
 public:
  ProposalHead(std::int64_t channels, std::int64_t anchors, std::int64_t depth) : Layer("RPNHead") {
    conv_ = add("conv", conv_tower(channels, depth, std::nullopt));
    logits_ = add("cls_logits", at_each_pixel(channels, anchors));
    codes_ = add("bbox_pred", at_each_pixel(channels, anchors * 4));
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& maps) override {
    nn::Tensors logits, codes;
    for (const auto& map : maps) {
      const torch::Tensor features = call(*conv_, map);
      logits.push_back(call(*logits_, features));
      codes.push_back(call(*codes_, features));
    }
    logits.insert(logits.end(), codes.begin(), codes.end());
    return logits;
  }
  void reset() override {
    Layer::reset();
    draw_normal(*this, kProposalStd);
  }

 private:
  std::shared_ptr<nn::Sequential> conv_;
  std::shared_ptr<nn::Conv2d> logits_, codes_;
};

/// What each anchor learns: the row of a true box, and 1 for an object, 0 for none, -1 for nothing.
struct AnchorLesson {
  torch::Tensor box, label;
};

AnchorLesson lesson(const Truth& truth, const torch::Tensor& anchors, const nn::Matcher& matcher) {
  if (truth.boxes.size(0) == 0) {
    const torch::Tensor none = torch::zeros({anchors.size(0)}, truth.labels.options());
    return {none, none};
  }
  const torch::Tensor matched = matcher(nn::box_iou(truth.boxes, anchors));
  const torch::Tensor label = matched.ge(0).to(torch::kLong) - matched.eq(nn::Matcher::kBetween).to(torch::kLong);
  return {matched.clamp_min(0), label};
}

}  // namespace

ProposalNetwork::ProposalNetwork(const ProposalOptions& options)
    : Layer("RegionProposalNetwork"),
      options_(options),
      coder_({1, 1, 1, 1}),
      matcher_(options.high, options.low, /*low_quality=*/true) {
  const auto each = options.anchors.per_place();
  MLRUN_ASSERT(std::equal(each.begin() + 1, each.end(), each.begin()), "one head needs as many anchors on every map");
  head_ = add("head", std::make_shared<ProposalHead>(options.channels, each.front(), options.depth));
}

nn::Tensors ProposalNetwork::forward(const nn::Tensors& maps) { return call(*head_, maps); }

ProposalNetwork::Outputs ProposalNetwork::placed(const nn::Tensors& outputs, std::int64_t height,
                                                 std::int64_t width) const {
  const auto half = outputs.begin() + static_cast<std::ptrdiff_t>(outputs.size() / 2);
  const nn::Tensors logits(outputs.begin(), half);
  return {logits, {half, outputs.end()}, options_.anchors(logits, height, width)};
}

std::vector<torch::Tensor> ProposalNetwork::propose(const Outputs& outputs, const std::vector<ImageSize>& sizes,
                                                    std::int64_t candidates) const {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> proposals;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    proposals.push_back(proposals_of(outputs, static_cast<std::int64_t>(i), sizes[i], candidates));
  }
  return proposals;
}

torch::Tensor ProposalNetwork::proposals_of(const Outputs& outputs, std::int64_t image, const ImageSize& size,
                                            std::int64_t candidates) const {
  nn::Tensors boxes, logits, levels;
  for (std::size_t level = 0; level < outputs.logits.size(); ++level) {
    const torch::Tensor all = anchor_rows({outputs.logits[level].narrow(0, image, 1)}, 1).flatten();
    const auto [best, rows] = all.topk(std::min(candidates, all.numel()));
    const torch::Tensor codes = at_anchors(outputs.codes[level][image], rows, 4).to(all.scalar_type());
    boxes.push_back(coder_.decode(codes, outputs.anchors[level].index_select(0, rows)));
    logits.push_back(best);
    levels.push_back(torch::full_like(rows, static_cast<std::int64_t>(level)));
  }
  const torch::Tensor inside = nn::clip_boxes(at::cat(boxes), size.first, size.second);
  const torch::Tensor scores = at::sigmoid(at::cat(logits));
  const torch::Tensor large = nn::rows_of_sides(inside, kLeastProposalSide);
  const torch::Tensor kept =
      large.index_select(0, at::where(scores.index_select(0, large).ge(options_.score_threshold)).front());
  const torch::Tensor some = inside.index_select(0, kept);
  const torch::Tensor best = nn::batched_nms(some, scores.index_select(0, kept), at::cat(levels).index_select(0, kept),
                                             options_.nms_threshold);
  const std::int64_t most = is_training() ? options_.proposals_train : options_.proposals;
  return some.index_select(0, best.slice(0, 0, most));
}

nn::Tensors ProposalNetwork::losses(const Outputs& outputs, const std::vector<Truth>& truths) const {
  const torch::Tensor anchors = at::cat(outputs.anchors);
  nn::Tensors positives, negatives, labels, targets;
  for (std::size_t i = 0; i < truths.size(); ++i) {
    const AnchorLesson own = lesson(truths[i], anchors, matcher_);
    const auto [positive, negative] = nn::sample_balanced(own.label, options_.batch, options_.positive_share);
    const std::int64_t before = static_cast<std::int64_t>(i) * anchors.size(0);
    positives.push_back(positive + before);
    negatives.push_back(negative + before);
    const torch::Tensor boxes = truths[i].boxes.index_select(0, own.box.index_select(0, positive));
    targets.push_back(coder_.encode(boxes.to(anchors.scalar_type()), anchors.index_select(0, positive)));
  }
  const torch::Tensor found = at::cat(positives), sampled = at::cat({found, at::cat(negatives)});
  const torch::Tensor logits = anchor_rows(outputs.logits, 1).flatten().index_select(0, sampled);
  const torch::Tensor truth = torch::arange(sampled.numel(), sampled.options()).lt(found.numel()).to(torch::kFloat);
  const torch::Tensor codes = anchor_rows(outputs.codes, 4).view({-1, 4}).index_select(0, found);
  const torch::Tensor of_boxes = at::smooth_l1_loss(codes, at::cat(targets), at::Reduction::Sum, 1.0 / 9);
  return {at::binary_cross_entropy_with_logits(logits, truth), of_boxes / sampled.numel()};
}

}  // namespace mlrun::models
