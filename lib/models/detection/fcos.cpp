#include "models/detection/fcos.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "models/detection/candidates.h"
#include "models/detection/dense_head.h"
#include "nn/boxes/box_ops.h"
#include "nn/boxes/losses.h"

namespace mlrun::models {
namespace {

constexpr double kFcosStd = 0.01;

/// Four convolutions with group norms, children 0 to 11.
std::shared_ptr<nn::Sequential> fcos_tower(std::int64_t channels) {
  auto tower = std::make_shared<nn::Sequential>();
  for (int i = 0; i < 4; ++i) {
    tower->push(predictor(channels, channels));
    tower->push(nn::make_norm(channels, {.kind = nn::NormKind::Group}));
    tower->push(std::make_shared<nn::Activation>(nn::Act::Relu));
  }
  return tower;
}

class FcosClassification : public nn::Layer {
 public:
  FcosClassification(std::int64_t channels, std::int64_t classes) : Layer("FCOSClassificationHead") {
    conv_ = add("conv", fcos_tower(channels));
    logits_ = add("cls_logits", predictor(channels, classes));
  }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& maps) override {
    nn::Tensors results;
    for (const auto& map : maps) results.push_back(call(*logits_, call(*conv_, map)));
    return results;
  }
  void reset() override {
    conv_->reset();
    draw_normal(*conv_, kFcosStd);
    logits_->reset();
    draw_normal(*logits_, kFcosStd);
    draw_constant(logits_->bias, prior_logit());
  }

 private:
  std::shared_ptr<nn::Sequential> conv_;
  std::shared_ptr<nn::Conv2d> logits_;
};

/// Codes of every map, then for each how near to the middle of a box a place is.
class FcosRegression : public nn::Layer {
 public:
  explicit FcosRegression(std::int64_t channels) : Layer("FCOSRegressionHead") {
    conv_ = add("conv", fcos_tower(channels));
    codes_ = add("bbox_reg", predictor(channels, 4));
    centres_ = add("bbox_ctrness", predictor(channels, 1));
    relu_ = add("relu", std::make_shared<nn::Activation>(nn::Act::Relu));
  }
  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& maps) override {
    nn::Tensors results, centres;
    for (const auto& map : maps) {
      const torch::Tensor features = call(*conv_, map);
      results.push_back(call(*relu_, call(*codes_, features)));
      centres.push_back(call(*centres_, features));
    }
    results.insert(results.end(), centres.begin(), centres.end());
    return results;
  }
  void reset() override {
    Layer::reset();
    draw_normal(*codes_, kFcosStd);
    draw_normal(*centres_, kFcosStd);
    draw_normal(*conv_, kFcosStd);
  }

 private:
  std::shared_ptr<nn::Sequential> conv_;
  std::shared_ptr<nn::Conv2d> codes_, centres_;
  std::shared_ptr<nn::Activation> relu_;
};

class FcosHead : public nn::Layer {
 public:
  FcosHead(std::int64_t channels, std::int64_t classes) : Layer("FCOSHead") {
    classification_ = add("classification_head", std::make_shared<FcosClassification>(channels, classes));
    regression_ = add("regression_head", std::make_shared<FcosRegression>(channels));
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

nn::AnchorGenerator stride_squares(std::size_t maps) {
  std::vector<std::vector<double>> sizes;
  for (std::size_t i = 0; i < maps; ++i) sizes.push_back({static_cast<double>(std::int64_t{8} << i)});
  return {std::move(sizes), std::vector<std::vector<double>>(maps, {1})};
}

/// How near to the middle of their boxes places are, 0 to 1, from their codes [n, 4].
torch::Tensor centre_targets(const torch::Tensor& codes) {
  const auto nearness = [&](std::int64_t side) {
    const torch::Tensor a = codes.select(1, side), b = codes.select(1, side + 2);
    return at::min(a, b) / at::max(a, b);
  };
  return at::sqrt(nearness(0) * nearness(1));
}

}  // namespace

Fcos::Fcos(std::shared_ptr<PyramidBackbone> backbone, FcosOptions options)
    : DenseDetector("FCOS", options.input, options.settings),
      options_(std::move(options)),
      squares_(stride_squares(backbone->maps())) {
  const std::size_t maps = backbone->maps();
  auto head = std::make_shared<FcosHead>(backbone->channels(), options_.classes);
  set_layers(std::move(backbone), std::move(head), maps);
}

std::vector<std::string> Fcos::heads() const { return {"head.classification_head"}; }

DenseMeaning Fcos::meaning() const {
  return {DenseMeaning::Score::SigmoidAndCentre, options_.classes, {}, /*distances=*/true};
}

std::vector<torch::Tensor> Fcos::anchors_of_maps(const nn::Tensors& logits, std::int64_t height,
                                                 std::int64_t width) const {
  return squares_(logits, height, width);
}

/// Of each place the smallest box that it lies in, near its middle, and whose farthest side its map answers for.
torch::Tensor Fcos::match(const torch::Tensor& boxes, const std::vector<torch::Tensor>& squares) const {
  const torch::Tensor all = at::cat(squares), side = (all.select(1, 2) - all.select(1, 0)).unsqueeze(1);
  const torch::Tensor middle = (all.slice(1, 0, 2) + all.slice(1, 2)) / 2;                         // [places, 2]
  const torch::Tensor box_middle = ((boxes.slice(1, 0, 2) + boxes.slice(1, 2)) / 2).unsqueeze(0);  // [1, boxes, 2]
  const torch::Tensor off = std::get<0>((middle.unsqueeze(1) - box_middle).abs().max(2));
  const torch::Tensor from = middle.unsqueeze(1) - boxes.slice(1, 0, 2).unsqueeze(0);
  const torch::Tensor to = boxes.slice(1, 2).unsqueeze(0) - middle.unsqueeze(1);
  const torch::Tensor distance = at::cat({from, to}, 2);
  torch::Tensor least = side * 4, most = side * 8;
  least.slice(0, 0, squares.front().size(0)).zero_();
  most.slice(0, -squares.back().size(0)).fill_(std::numeric_limits<double>::infinity());
  const torch::Tensor farthest = std::get<0>(distance.max(2));
  const torch::Tensor fits = (off < side * options_.radius)
                                 .logical_and(std::get<0>(distance.min(2)) > 0)
                                 .logical_and(farthest > least)
                                 .logical_and(farthest < most);
  const torch::Tensor area = nn::box_area(boxes).unsqueeze(0);
  const auto [value, best] = (fits.to(torch::kFloat) * (1e8 - area)).max(1);
  return best.masked_fill(value < 1e-5, -1);
}

nn::Tensors Fcos::learn(const Outputs& outputs, const std::vector<torch::Tensor>& squares,
                        const nn::Tensors& inputs) const {
  const torch::Tensor all = at::cat(squares);
  const auto truths = truths_of(inputs);
  const auto matched = matched_anchors(truths, all, [&](const torch::Tensor& boxes) { return match(boxes, squares); });
  nn::Tensors rows, from, to, labels;  // of the places that answer for a box
  for (std::size_t i = 0; i < truths.size(); ++i) {
    const torch::Tensor own = at::where(matched[i] >= 0).front(), of = matched[i].index_select(0, own);
    rows.push_back(own + static_cast<std::int64_t>(i) * all.size(0));
    from.push_back(all.index_select(0, own));
    to.push_back(truths[i].boxes.index_select(0, of));
    labels.push_back(truths[i].labels.index_select(0, of));
  }
  const torch::Tensor row = at::cat(rows), square = at::cat(from), box = at::cat(to);
  const torch::Tensor logits = anchor_rows(outputs.logits, options_.classes).flatten(0, 1);
  torch::Tensor wanted = torch::zeros_like(logits);
  wanted.index_put_({row, at::cat(labels)}, torch::ones({}, wanted.options()));
  const torch::Tensor codes = anchor_rows(outputs.codes, 4).flatten(0, 1).index_select(0, row);
  const torch::Tensor centre = anchor_rows(outputs.centres, 1).flatten().index_select(0, row);
  const auto count = std::max<std::int64_t>(1, row.size(0));
  const torch::Tensor near = centre_targets(coder_.encode(box, square));
  return {nn::sigmoid_focal_loss(logits, wanted).sum() / count,
          nn::generalized_box_iou_loss(coder_.decode(codes, square), box).sum() / count,
          at::binary_cross_entropy_with_logits(centre, near, {}, {}, at::Reduction::Sum) / count};
}

Found Fcos::find(const Outputs& outputs, const std::vector<torch::Tensor>& squares, std::int64_t image,
                 const ImageSize& size) {
  const DetectionSettings& how = settings();
  // A score is the root of a class's sigmoid times the centre's, which is one at most.
  const double least = logit_below(how.score_threshold * how.score_threshold);
  nn::Tensors boxes, scores, labels;
  for (std::size_t level = 0; level < squares.size(); ++level) {
    const Candidates some = above(outputs.logits[level][image], least);
    const torch::Tensor place = at::div(some.places, options_.classes, "floor");
    const torch::Tensor centre = at_anchors(outputs.centres[level][image], place, 1).flatten();
    const torch::Tensor score = at::sqrt(at::sigmoid(some.values) * at::sigmoid(centre));
    const LevelBest best = best_of_level(score, some.places, options_.classes, how.score_threshold, how.candidates);
    const torch::Tensor code = at_anchors(outputs.codes[level][image], best.anchors, 4);
    const torch::Tensor box = coder_.decode(code, squares[level].index_select(0, best.anchors));
    boxes.push_back(nn::clip_boxes(box, size.first, size.second));
    scores.push_back(best.scores);
    labels.push_back(best.labels);
  }
  return best_found({at::cat(boxes), at::cat(scores), at::cat(labels)}, how);
}

}  // namespace mlrun::models
