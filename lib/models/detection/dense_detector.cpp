#include "models/detection/dense_detector.h"

#include <utility>

#include "base/error.h"
#include "models/detection/candidates.h"
#include "models/detection/dense_head.h"

namespace mlrun::models {

void DenseDetector::set_layers(std::shared_ptr<nn::Layer> backbone, std::shared_ptr<nn::Layer> head, std::size_t maps) {
  maps_ = maps;
  add("backbone", backbone);
  add("head", head);
  std::vector<std::string> kinds = {"logits", "codes"};
  if (meaning().score == DenseMeaning::Score::SigmoidAndCentre) kinds.push_back("centres");
  add_part(std::make_shared<DetectorPart>(
      "raw", nn::Interface{{{"image"}}, ports_of_maps(kinds, maps)},
      DetectorPart::Layers{{"backbone", backbone}, {"head", head}},
      [body = backbone.get(), head = head.get()](const nn::Layer& caller, const nn::Tensors& images) {
        return caller.call(*head, caller.call(*body, images));
      }));
}

nn::Tensors DenseDetector::forward(const nn::Tensors& inputs) {
  const torch::Tensor& images = inputs.at(0);
  const nn::Tensors raw = widened(call(part("raw"), nn::Tensors{images}));
  if (images.is_meta()) {
    return is_training() ? blank_losses(images, losses().size()) : blank_found(images, settings().detections);
  }
  const std::int64_t height = images.size(2), width = images.size(3);
  if (!is_training()) return answer(raw, height, width, inputs.at(1));
  const Outputs outputs = by_kind(raw);
  return learn(outputs, anchors_of_maps(outputs.logits, height, width), inputs);
}

DenseDetector::Outputs DenseDetector::by_kind(const nn::Tensors& raw) const {
  MLRUN_ASSERT(raw.size() == part("raw").interface().outputs.size(), "other outputs than the detector's");
  const auto count = static_cast<std::ptrdiff_t>(maps_);
  const auto second = raw.begin() + count, third = second + count;
  return {{raw.begin(), second}, {second, third}, {third, raw.end()}};
}

torch::Tensor DenseDetector::anchors(const nn::Tensors& logits, std::int64_t height, std::int64_t width) const {
  return at::cat(anchors_of_maps(logits, height, width));
}

nn::Tensors DenseDetector::answer(const nn::Tensors& raw, std::int64_t height, std::int64_t width,
                                  const torch::Tensor& sizes) {
  const Outputs outputs = by_kind(raw);
  const auto anchors = anchors_of_maps(outputs.logits, height, width);
  const auto images = image_sizes(sizes);
  std::vector<Found> found;
  for (std::size_t i = 0; i < images.size(); ++i) {
    found.push_back(find(outputs, anchors, static_cast<std::int64_t>(i), images[i]));
  }
  return at_ports(found);
}

}  // namespace mlrun::models
