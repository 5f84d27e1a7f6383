#include "models/detection/retinanet.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "models/detection/candidates.h"
#include "models/detection/dense_head.h"
#include "nn/boxes/box_ops.h"
#include "nn/boxes/losses.h"

namespace mlrun::models {
namespace {

constexpr double kRetinaNetStd = 0.01;
constexpr std::array<double, 4> kRetinaNetWeights = {1, 1, 1, 1};

/// A tower and a convolution behind it, on every map.
class RetinaNetBranch : public nn::Layer {
 public:
  RetinaNetBranch(std::string type, const RetinaNetHeadOptions& o, const std::string& name, std::int64_t columns)
      : Layer(std::move(type)) {
    conv_ = add("conv", conv_tower(o.channels, 4, o.norm));
    last_ = add(name, predictor(o.channels, o.anchors * columns));
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& maps) override {
    nn::Tensors results;
    for (const auto& map : maps) results.push_back(call(*last_, call(*conv_, map)));
    return results;
  }

 protected:
  std::shared_ptr<nn::Sequential> conv_;
  std::shared_ptr<nn::Conv2d> last_;
};

class RetinaNetClassification : public RetinaNetBranch {
 public:
  explicit RetinaNetClassification(const RetinaNetHeadOptions& o)
      : RetinaNetBranch("RetinaNetClassificationHead", o, "cls_logits", o.classes) {}
  void reset() override {
    conv_->reset();
    draw_normal(*conv_, kRetinaNetStd);
    last_->reset();
    draw_normal(*last_, kRetinaNetStd);
    draw_constant(last_->bias, prior_logit());
  }
};

/// Upstream redraws its last convolution before the tower.
class RetinaNetRegression : public RetinaNetBranch {
 public:
  explicit RetinaNetRegression(const RetinaNetHeadOptions& o)
      : RetinaNetBranch("RetinaNetRegressionHead", o, "bbox_reg", 4) {}
  void reset() override {
    conv_->reset();
    last_->reset();
    draw_normal(*last_, kRetinaNetStd);
    draw_normal(*conv_, kRetinaNetStd);
  }
};

class RetinaNetHead : public nn::Layer {
 public:
  explicit RetinaNetHead(const RetinaNetHeadOptions& options) : Layer("RetinaNetHead") {
    classification_ = add("classification_head", std::make_shared<RetinaNetClassification>(options));
    regression_ = add("regression_head", std::make_shared<RetinaNetRegression>(options));
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& maps) override {
    nn::Tensors results = call(*classification_, maps);
    for (auto& map : call(*regression_, maps)) results.push_back(std::move(map));
    return results;
  }

 private:
  std::shared_ptr<nn::Layer> classification_, regression_;
};

}  // namespace

std::shared_ptr<nn::Layer> retinanet_head(const RetinaNetHeadOptions& options) {
  return std::make_shared<RetinaNetHead>(options);
}

BoxLoss box_loss_of(const std::string& name) {
  if (name == "giou") return BoxLoss::Giou;
  return name == "l1" ? BoxLoss::L1 : BoxLoss::SmoothL1;
}

nn::AnchorGenerator octave_anchors(std::int64_t first, std::size_t maps) {
  std::vector<std::vector<double>> sizes;
  for (std::size_t i = 0; i < maps; ++i) {
    const auto length = static_cast<double>(first << i);
    sizes.push_back({length, std::floor(length * std::pow(2, 1.0 / 3)), std::floor(length * std::pow(2, 2.0 / 3))});
  }
  return {std::move(sizes), std::vector<std::vector<double>>(maps, {0.5, 1, 2})};
}

RetinaNet::RetinaNet(std::shared_ptr<nn::Layer> backbone, std::shared_ptr<nn::Layer> head, RetinaNetOptions options)
    : DenseDetector("RetinaNet", options.input, options.settings),
      options_(std::move(options)),
      coder_(kRetinaNetWeights),
      matcher_(options_.high, options_.low, /*low_quality=*/true) {
  set_layers(std::move(backbone), std::move(head), options_.anchors.per_place().size());
}

std::vector<std::string> RetinaNet::heads() const { return {"head.classification_head"}; }

DenseMeaning RetinaNet::meaning() const { return {DenseMeaning::Score::Sigmoid, options_.classes, kRetinaNetWeights}; }

std::vector<torch::Tensor> RetinaNet::anchors_of_maps(const nn::Tensors& logits, std::int64_t height,
                                                      std::int64_t width) const {
  return options_.anchors(logits, height, width);
}

nn::Tensors RetinaNet::learn(const Outputs& outputs, const std::vector<torch::Tensor>& anchors,
                             const nn::Tensors& inputs) const {
  const torch::Tensor all = at::cat(anchors);
  const auto truths = truths_of(inputs);
  const auto matched =
      matched_anchors(truths, all, [&](const torch::Tensor& boxes) { return matcher_(nn::box_iou(boxes, all)); });
  const torch::Tensor scores = anchor_rows(outputs.logits, options_.classes);
  const torch::Tensor boxes = anchor_rows(outputs.codes, 4);
  torch::Tensor classification, regression;
  for (std::size_t i = 0; i < truths.size(); ++i) {
    const auto image = static_cast<std::int64_t>(i);
    const torch::Tensor of_classes = focal_of_image(scores[image], truths[i], matched[i]);
    const torch::Tensor of_boxes = box_loss(boxes[image], all, truths[i], matched[i]);
    classification = i == 0 ? of_classes : classification + of_classes;
    regression = i == 0 ? of_boxes : regression + of_boxes;
  }
  const auto count = static_cast<double>(truths.size());
  return {classification / count, regression / count};
}

torch::Tensor RetinaNet::box_loss(const torch::Tensor& codes, const torch::Tensor& anchors, const Truth& truth,
                                  const torch::Tensor& matched) const {
  const torch::Tensor rows = at::where(matched >= 0).front();
  const torch::Tensor own = codes.index_select(0, rows), from = anchors.index_select(0, rows);
  const torch::Tensor to = truth.boxes.index_select(0, matched.index_select(0, rows));
  torch::Tensor loss;
  switch (options_.loss) {
    case BoxLoss::L1: loss = at::l1_loss(own, coder_.encode(to, from), at::Reduction::Sum); break;
    case BoxLoss::SmoothL1: loss = at::smooth_l1_loss(own, coder_.encode(to, from), at::Reduction::Sum); break;
    case BoxLoss::Giou: loss = nn::generalized_box_iou_loss(coder_.decode(own, from), to).sum(); break;
  }
  return loss / std::max<std::int64_t>(1, rows.size(0));
}

Found RetinaNet::find(const Outputs& outputs, const std::vector<torch::Tensor>& anchors, std::int64_t image,
                      const ImageSize& size) {
  const DetectionSettings& how = settings();
  const double least = logit_below(how.score_threshold);
  nn::Tensors boxes, scores, labels;
  for (std::size_t level = 0; level < anchors.size(); ++level) {
    const Candidates some = above(outputs.logits[level][image], least);
    const LevelBest best =
        best_of_level(at::sigmoid(some.values), some.places, options_.classes, how.score_threshold, how.candidates);
    const torch::Tensor code = at_anchors(outputs.codes[level][image], best.anchors, 4);
    const torch::Tensor box = coder_.decode(code, anchors[level].index_select(0, best.anchors));
    boxes.push_back(nn::clip_boxes(box, size.first, size.second));
    scores.push_back(best.scores);
    labels.push_back(best.labels);
  }
  return best_found({at::cat(boxes), at::cat(scores), at::cat(labels)}, how);
}

}  // namespace mlrun::models
