#include "models/detection/faster_rcnn.h"

#include <utility>

#include "base/error.h"
#include "models/detection/dense_head.h"
#include "models/detection/keypoints.h"
#include "models/detection/masks.h"
#include "models/detection/region_pooling.h"

namespace mlrun::models {
namespace {

/// Those that regions are pooled from: all but the last.
nn::Tensors pooled_maps(const nn::Tensors& maps) { return {maps.begin(), maps.end() - 1}; }

const char* type_of(RegionDetail detail) {
  switch (detail) {
    case RegionDetail::Masks: return "MaskRCNN";
    case RegionDetail::Keypoints: return "KeypointRCNN";
    case RegionDetail::None: break;
  }
  return "FasterRCNN";
}

/// The rows of each image without the padding: masks [n, H, W].
std::vector<torch::Tensor> own_masks(const nn::Tensors& inputs) {
  auto masks = sample_rows(inputs.at(6), inputs.at(7));
  const auto sizes = image_sizes(inputs.at(1));
  for (std::size_t i = 0; i < masks.size(); ++i) {
    masks[i] = masks[i].slice(1, 0, sizes[i].first).slice(2, 0, sizes[i].second);
  }
  return masks;
}

}  // namespace

FasterRcnn::FasterRcnn(std::shared_ptr<PyramidBackbone> backbone, const FasterRcnnOptions& options)
    : Detector(type_of(options.regions.detail), options.input, options.settings) {
  backbone_ = add("backbone", std::move(backbone));
  rpn_ = add("rpn", std::make_shared<ProposalNetwork>(options.proposals));
  roi_heads_ = add("roi_heads", std::make_shared<RegionHeads>(options.regions));
  make_parts();
}

void FasterRcnn::make_parts() {
  const auto part = [&](const char* name, nn::Interface ports, DetectorPart::Layers layers, std::int64_t found,
                        DetectorPart::Body body) {
    add_part(std::make_shared<DetectorPart>(name, std::move(ports), layers, std::move(body), found));
  };
  const std::size_t maps = backbone_->maps();
  nn::Interface features{{{"image"}}, ports_of_maps({"map"}, maps - 1)};
  for (auto& port : ports_of_maps({"logits", "codes"}, maps)) features.outputs.push_back(std::move(port));
  part("features", std::move(features), {{"backbone", backbone_}, {"rpn", rpn_}}, /*found=*/0,
       [body = backbone_.get(), rpn = rpn_.get()](const nn::Layer& caller, const nn::Tensors& images) {
         const nn::Tensors maps = caller.call(*body, images);
         nn::Tensors results = pooled_maps(maps);
         for (auto& map : caller.call(*rpn, maps)) results.push_back(std::move(map));
         return results;
       });
  part("box_head", {{{"regions"}}, {{"logits"}, {"codes"}}}, {{"roi_heads", roi_heads_}}, rpn_->options().proposals,
       [heads = roi_heads_.get()](const nn::Layer& caller, const nn::Tensors& pooled) {
         return caller.call(*heads, pooled);
       });
  if (detail() == RegionDetail::None) return;
  part(detail() == RegionDetail::Masks ? "mask_head" : "keypoint_head", {{{"regions"}}, {{"logits"}}},
       {{"roi_heads", roi_heads_}}, settings().detections,
       [heads = roi_heads_.get()](const nn::Layer&, const nn::Tensors& pooled) {
         return nn::Tensors{heads->detail(pooled.front())};
       });
}

torch::Tensor FasterRcnn::detail_logits(const torch::Tensor& pooled) const {
  return call(*parts().back(), nn::Tensors{pooled}).front();
}

void FasterRcnn::reset() {
  backbone_->reset();
  const bool later = roi_heads_->options().convolutions;  // given to upstream's constructor, which then makes the rest
  if (!later) roi_heads_->reset_detail();
  rpn_->reset();
  roi_heads_->reset_head();
  if (later) roi_heads_->reset_detail();
  roi_heads_->reset_predictor();
}

std::vector<std::string> FasterRcnn::losses() const {
  std::vector<std::string> names = {"loss_classifier", "loss_box_reg"};
  if (detail() == RegionDetail::Masks) names.push_back("loss_mask");
  if (detail() == RegionDetail::Keypoints) names.push_back("loss_keypoint");
  names.insert(names.end(), {"loss_objectness", "loss_rpn_box_reg"});
  return names;
}

std::vector<std::string> FasterRcnn::heads() const {
  std::vector<std::string> paths = {"roi_heads.box_predictor.cls_score", "roi_heads.box_predictor.bbox_pred"};
  if (detail() == RegionDetail::Masks) paths.push_back("roi_heads.mask_predictor");
  if (detail() == RegionDetail::Keypoints) paths.push_back("roi_heads.keypoint_predictor");
  return paths;
}

nn::Interface FasterRcnn::interface() const {
  nn::Interface ports = Detector::interface();
  auto& more = is_training() ? ports.inputs : ports.outputs;
  if (detail() == RegionDetail::Masks) more.push_back({"masks", true});
  if (detail() == RegionDetail::Keypoints) more.push_back({"keypoints", true});
  if (detail() == RegionDetail::Keypoints && !is_training()) more.push_back({"keypoints_scores", true});
  return ports;
}

nn::Tensors FasterRcnn::forward(const nn::Tensors& inputs) {
  const torch::Tensor& images = inputs.at(0);
  const nn::Tensors features = call(part("features"), nn::Tensors{images});
  if (images.is_meta()) return blank(images);
  const auto proposing = features.begin() + static_cast<std::ptrdiff_t>(backbone_->maps() - 1);
  const nn::Tensors maps(features.begin(), proposing);
  const auto placed = rpn_->placed({proposing, features.end()}, images.size(2), images.size(3));
  return is_training() ? learn(maps, placed, inputs) : find(maps, placed, inputs);
}

nn::Tensors FasterRcnn::learn(const nn::Tensors& maps, const ProposalNetwork::Outputs& outputs,
                              const nn::Tensors& inputs) {
  const auto truths = truths_of(inputs);
  const auto proposals = rpn_->propose(outputs, image_sizes(inputs.at(1)), rpn_->options().candidates_train);
  const nn::Tensors of_proposals = rpn_->losses(outputs, truths);
  const auto samples = roi_heads_->sample(proposals, truths);
  nn::Tensors boxes;
  for (const RegionSamples& own : samples) boxes.push_back(own.boxes);
  const torch::Tensor pooled = pooled_regions(maps, boxes, inputs[0].size(2), roi_heads_->options().side);
  nn::Tensors losses = roi_heads_->losses(call(part("box_head"), nn::Tensors{pooled}), samples, truths);
  if (detail() != RegionDetail::None) losses.push_back(learn_detail(maps, samples, inputs));
  losses.insert(losses.end(), of_proposals.begin(), of_proposals.end());
  return losses;
}

torch::Tensor FasterRcnn::learn_detail(const nn::Tensors& maps, const std::vector<RegionSamples>& samples,
                                       const nn::Tensors& inputs) const {
  MLRUN_ASSERT(inputs.size() >= 8, "masks or keypoints are learnt from some");
  std::vector<RegionSamples> objects;
  nn::Tensors boxes;
  for (const RegionSamples& own : samples) {
    objects.push_back(objects_of(own));
    boxes.push_back(objects.back().boxes);
  }
  const torch::Tensor pooled = pooled_regions(maps, boxes, inputs[0].size(2), roi_heads_->options().detail_side);
  const torch::Tensor logits = detail_logits(pooled);
  if (detail() == RegionDetail::Masks) return mask_loss(logits, objects, own_masks(inputs));
  return keypoint_loss(logits, objects, sample_rows(inputs[6], inputs[7]));
}

nn::Tensors FasterRcnn::find(const nn::Tensors& maps, const ProposalNetwork::Outputs& outputs,
                             const nn::Tensors& inputs) {
  const auto sizes = image_sizes(inputs.at(1));
  const std::int64_t height = inputs[0].size(2);
  const auto proposals = rpn_->propose(outputs, sizes, settings().candidates);
  const torch::Tensor pooled = pooled_regions(maps, proposals, height, roi_heads_->options().side);
  const auto found = roi_heads_->find(call(part("box_head"), nn::Tensors{pooled}), proposals, sizes, settings());
  nn::Tensors results = at_ports(found);
  if (detail() == RegionDetail::None) return results;
  for (auto& more : find_detail(maps, found, height)) {
    results.push_back(std::move(more));
    results.push_back(results[1]);
  }
  return results;
}

nn::Tensors FasterRcnn::find_detail(const nn::Tensors& maps, const std::vector<Found>& found,
                                    std::int64_t height) const {
  nn::Tensors boxes, labels;
  for (const Found& own : found) {
    boxes.push_back(own.boxes);
    labels.push_back(own.labels);
  }
  const torch::Tensor pooled = pooled_regions(maps, boxes, height, roi_heads_->options().detail_side);
  const torch::Tensor logits = detail_logits(pooled);
  if (detail() == RegionDetail::Masks) return {mask_probabilities(logits, at::cat(labels))};
  const KeypointPlaces places = keypoint_places(logits, at::cat(boxes));
  return {places.points, places.scores};
}

nn::Tensors FasterRcnn::blank(const torch::Tensor& images) {
  const RegionOptions& o = roi_heads_->options();
  const auto regions = [&](std::int64_t each, std::int64_t side) {
    return torch::empty({images.size(0) * each, o.channels, side, side}, images.options());
  };
  const std::int64_t most = settings().detections;
  call(part("box_head"), nn::Tensors{regions(is_training() ? o.batch : rpn_->options().proposals, o.side)});
  torch::Tensor logits;
  if (o.detail != RegionDetail::None) logits = detail_logits(regions(most, o.detail_side));
  if (is_training()) return blank_losses(images, losses().size());
  nn::Tensors found = blank_found(images, most);
  const auto add = [&](at::IntArrayRef shape) {
    found.push_back(torch::empty(shape, images.options()));
    found.push_back(found[1]);
  };
  if (o.detail == RegionDetail::Masks) add({logits.size(0), 1, logits.size(2), logits.size(3)});
  if (o.detail == RegionDetail::Keypoints) add({logits.size(0), o.keypoints, 3});
  if (o.detail == RegionDetail::Keypoints) add({logits.size(0), o.keypoints});
  return found;
}

}  // namespace mlrun::models
