#include "models/detection/traced/two_stage.h"

#include <algorithm>
#include <array>
#include <utility>

#include <ATen/TracerMode.h>
#include <torch/utils.h>

#include "models/detection/region_pooling.h"
#include "nn/boxes/box_coder.h"
#include "nn/boxes/box_ops.h"
#include "nn/boxes/kept_operators.h"

namespace mlrun::models {
namespace {

constexpr std::array<double, 4> kProposalWeights = {1, 1, 1, 1}, kRegionWeights = {10, 10, 5, 5};

/// What `features` gives, by kind.
struct Features {
  nn::Tensors maps, logits, codes;
};

Features by_kind(const nn::Tensors& outputs) {
  const auto levels = static_cast<std::ptrdiff_t>((outputs.size() + 1) / 3);
  const auto second = outputs.begin() + levels - 1, third = second + levels;
  return {{outputs.begin(), second}, {second, third}, {third, outputs.end()}};
}

torch::Tensor sides_at_least(const torch::Tensor& boxes, double least) {
  const torch::Tensor width = boxes.select(1, 2) - boxes.select(1, 0), height = boxes.select(1, 3) - boxes.select(1, 1);
  return width.ge(least).logical_and(height.ge(least));
}

/// Proposals of one level after its suppression, with their scores, by falling score.
std::pair<torch::Tensor, torch::Tensor> proposals_of_level(const torch::Tensor& logits, const torch::Tensor& codes,
                                                           const torch::Tensor& anchors, const ProposalOptions& options,
                                                           const TracedHow& how) {
  const torch::Tensor all = logits.reshape({-1});
  const auto [best, rows] = all.topk(std::min(how.settings.candidates, all.numel()));
  const torch::Tensor decoded =
      nn::BoxCoder(kProposalWeights).decode(codes.index_select(0, rows), anchors.index_select(0, rows));
  const torch::Tensor boxes = nn::clip_boxes(decoded, how.size.first, how.size.second), scores = at::sigmoid(best);
  const torch::Tensor kept =
      rows_where(sides_at_least(boxes, kLeastProposalSide).logical_and(scores.ge(options.score_threshold)));
  const torch::Tensor some = boxes.index_select(0, kept), their = scores.index_select(0, kept);
  const torch::Tensor remaining = nn::kept::nms(some, their, options.nms_threshold);
  return {some.index_select(0, remaining), their.index_select(0, remaining)};
}

torch::Tensor traced_proposals(const Features& features, const ProposalOptions& options, const TracedHow& how) {
  const nn::Tensors anchors = [&] {
    const at::tracer::impl::NoTracerDispatchMode constant;
    return options.anchors(features.logits, how.size.first, how.size.second);
  }();
  nn::Tensors boxes, scores;
  for (std::size_t i = 0; i < anchors.size(); ++i) {
    auto [own, score] = proposals_of_level(first_rows(features.logits[i], 1), first_rows(features.codes[i], 4),
                                           anchors[i], options, how);
    boxes.push_back(own);
    scores.push_back(score);
  }
  return at::cat(boxes).index_select(0, best_first(at::cat(scores)).slice(0, 0, options.proposals));
}

/// Regions with what was pooled from the map that each belongs to; those of one map after those of another.
struct Pooled {
  torch::Tensor boxes, regions;
};

Pooled traced_regions(const nn::Tensors& maps, const torch::Tensor& boxes, std::int64_t height, std::int64_t side) {
  const auto pooled = [&](const torch::Tensor& map, const torch::Tensor& some) {
    const torch::Tensor first_image = some.slice(1, 0, 1) * 0;
    return nn::kept::roi_align(map, at::cat({first_image, some}, 1), pooling_of(map, height, side));
  };
  if (maps.size() == 1) return {boxes, pooled(maps.front(), boxes)};
  const torch::Tensor level = maps_of_boxes(maps, boxes, height);
  nn::Tensors parts, regions;
  for (std::size_t i = 0; i < maps.size(); ++i) {
    parts.push_back(boxes.index_select(0, rows_where(level.eq(static_cast<double>(i)))));
    regions.push_back(pooled(maps[i], parts.back()));
  }
  return {at::cat(parts), at::cat(regions)};
}

/// `outputs`: logits [n, classes] and codes [n, classes * 4] of regions.
Found traced_boxes(const nn::Tensors& outputs, const torch::Tensor& regions, const TracedHow& how) {
  const torch::Tensor scores = at::softmax(outputs[0], -1).slice(1, 1);
  const torch::Tensor places = torch::nonzero(scores.gt(how.settings.score_threshold));
  const torch::Tensor row = places.select(1, 0), label = places.select(1, 1) + 1;
  const torch::Tensor score = scores.reshape({-1}).index_select(0, row * (how.classes - 1) + (label - 1));
  const torch::Tensor codes = outputs[1].reshape({-1, 4}).index_select(0, row * how.classes + label);
  const torch::Tensor decoded = nn::BoxCoder(kRegionWeights).decode(codes, regions.index_select(0, row));
  const torch::Tensor boxes = nn::clip_boxes(decoded, how.size.first, how.size.second);
  return traced_best(found_where({boxes, score, label}, sides_at_least(boxes, kLeastBoxSide)), how);
}

}  // namespace

Found traced_found(const nn::Layer& caller, FasterRcnn& detector, const torch::Tensor& images, TraceTarget target) {
  const RegionOptions& regions = detector.regions();
  const TracedHow how{target, detector.settings(), regions.classes, {images.size(2), images.size(3)}};
  const Features features = by_kind(caller.call(detector.part("features"), nn::Tensors{images}));
  const torch::Tensor proposals = traced_proposals(features, detector.proposals(), how);
  const Pooled pooled = traced_regions(features.maps, proposals, how.size.first, regions.side);
  return traced_boxes(caller.call(detector.part("box_head"), nn::Tensors{pooled.regions}), pooled.boxes, how);
}

}  // namespace mlrun::models
