#include "models/detection/ssd.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "models/detection/candidates.h"
#include "models/detection/dense_head.h"
#include "nn/boxes/box_ops.h"
#include "nn/boxes/matcher.h"

namespace mlrun::models {
namespace {

constexpr std::array<double, 4> kSsdWeights = {10, 10, 5, 5};

/// One predictor for each map.
class SsdScoring : public nn::Layer {
 public:
  SsdScoring(std::string type, const std::vector<std::shared_ptr<nn::Layer>>& predictors,
             std::function<void(nn::Layer&)> redraw)
      : Layer(std::move(type)), redraw_(std::move(redraw)) {
    list_ = add("module_list", std::make_shared<nn::Sequential>("ModuleList"));
    for (const auto& layer : predictors) list_->push(layer);
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& maps) override {
    nn::Tensors results;
    for (std::size_t i = 0; i < maps.size(); ++i) results.push_back(call(*list_->steps().at(i), maps[i]));
    return results;
  }
  void reset() override {
    list_->reset();
    redraw_(*list_);
  }

 private:
  std::function<void(nn::Layer&)> redraw_;
  std::shared_ptr<nn::Sequential> list_;
};

class SsdHead : public nn::Layer {
 public:
  explicit SsdHead(const SsdHeadParts& parts) : Layer(parts.type + "Head") {
    const auto scoring = [&](const char* part, const auto& predictors) {
      return std::make_shared<SsdScoring>(parts.type + part, predictors, parts.redraw);
    };
    scores_ = add("classification_head", scoring("ClassificationHead", parts.scores));
    codes_ = add("regression_head", scoring("RegressionHead", parts.codes));
  }

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& maps) override {
    nn::Tensors results = call(*scores_, maps);
    for (auto& map : call(*codes_, maps)) results.push_back(std::move(map));
    return results;
  }

 private:
  std::shared_ptr<SsdScoring> scores_, codes_;
};

}  // namespace

std::shared_ptr<nn::Layer> ssd_head(const SsdHeadParts& parts) { return std::make_shared<SsdHead>(parts); }

Ssd::Ssd(std::shared_ptr<nn::Layer> backbone, std::shared_ptr<nn::Layer> head, SsdOptions options)
    : DenseDetector("SSD", options.input, options.settings), options_(std::move(options)), coder_(kSsdWeights) {
  set_layers(std::move(backbone), std::move(head), options_.boxes.per_place().size());
}

std::vector<std::string> Ssd::heads() const {
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < options_.boxes.per_place().size(); ++i) {
    paths.push_back("head.classification_head.module_list." + std::to_string(i));
  }
  return paths;
}

DenseMeaning Ssd::meaning() const { return {DenseMeaning::Score::Softmax, options_.classes, kSsdWeights}; }

std::vector<torch::Tensor> Ssd::anchors_of_maps(const nn::Tensors& logits, std::int64_t height,
                                                std::int64_t width) const {
  return {options_.boxes(logits, height, width)};
}

nn::Tensors Ssd::learn(const Outputs& outputs, const std::vector<torch::Tensor>& anchors,
                       const nn::Tensors& inputs) const {
  const torch::Tensor logits = anchor_rows(outputs.logits, options_.classes), codes = anchor_rows(outputs.codes, 4);
  const torch::Tensor& boxes = anchors.front();
  const auto truths = truths_of(inputs);
  const auto matched = matched_anchors(truths, boxes, [&](const torch::Tensor& true_boxes) {
    return nn::match_ssd(nn::box_iou(true_boxes, boxes), options_.iou);
  });
  nn::Tensors box_losses, wanted;
  std::int64_t positives = 0;
  for (std::size_t i = 0; i < truths.size(); ++i) {
    const torch::Tensor rows = at::where(matched[i] >= 0).front();
    const torch::Tensor of = matched[i].index_select(0, rows);
    positives += rows.size(0);
    const torch::Tensor target = coder_.encode(truths[i].boxes.index_select(0, of), boxes.index_select(0, rows));
    const torch::Tensor own = codes[static_cast<std::int64_t>(i)].index_select(0, rows);
    box_losses.push_back(at::smooth_l1_loss(own, target, at::Reduction::Sum));
    wanted.push_back(torch::zeros({boxes.size(0)}, truths[i].labels.options())
                         .index_copy(0, rows, truths[i].labels.index_select(0, of)));
  }
  const auto count = std::max<std::int64_t>(1, positives);
  return {at::stack(box_losses).sum() / count, class_loss(logits, at::stack(wanted)) / count};
}

/// Of all true boxes, and for each image of the worst of the others, in proportion.
torch::Tensor Ssd::class_loss(const torch::Tensor& logits, const torch::Tensor& wanted) const {
  const torch::Tensor losses =
      at::cross_entropy_loss(logits.reshape({-1, options_.classes}), wanted.view(-1), {}, at::Reduction::None)
          .view(wanted.sizes());
  const torch::Tensor positive = wanted > 0;
  const double each = (1 - options_.positive_fraction) / options_.positive_fraction;
  const torch::Tensor most = each * positive.sum(1, /*keepdim=*/true);
  const torch::Tensor others = losses.detach().masked_fill(positive, -std::numeric_limits<double>::infinity());
  const torch::Tensor rank = std::get<1>(std::get<1>(others.sort(1, /*descending=*/true)).sort(1));
  return losses.masked_select(positive).sum() + losses.masked_select(rank < most).sum();
}

Found Ssd::find(const Outputs& outputs, const std::vector<torch::Tensor>& anchors, std::int64_t image,
                const ImageSize& size) {
  const DetectionSettings& how = settings();
  const auto rows = [&](const nn::Tensors& maps, std::int64_t columns) {
    nn::Tensors own;
    for (const auto& map : maps) own.push_back(map.narrow(0, image, 1));
    return anchor_rows(own, columns)[0];
  };
  const torch::Tensor scores = at::softmax(rows(outputs.logits, options_.classes), -1);
  const torch::Tensor all =
      nn::clip_boxes(coder_.decode(rows(outputs.codes, 4), anchors.front()), size.first, size.second);
  const ClassBest best = best_of_classes(scores, how.score_threshold, how.candidates);
  return best_found({all.index_select(0, best.rows), best.scores, best.labels}, how);
}

}  // namespace mlrun::models
