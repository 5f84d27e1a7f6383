#include "models/detection/traced/traced_detector.h"

#include <utility>

#include <torch/csrc/jit/frontend/tracer.h>
#include <torch/utils.h>

#include "base/error.h"
#include "models/detection/traced/dense.h"
#include "models/detection/traced/two_stage.h"

namespace mlrun::models {
namespace {

/// The detector's own answer, `boxes`, `scores` and `labels`, for images that fill the batch.
nn::Tensors own_answer(Detector& detector, const torch::Tensor& images) {
  const torch::Tensor size = torch::tensor({images.size(2), images.size(3)}, torch::kLong).unsqueeze(0);
  std::vector<Found> all;
  for (std::int64_t i = 0; i < images.size(0); ++i) {
    const nn::Tensors ports = detector.run({images.narrow(0, i, 1), size});
    all.push_back({ports.at(0), ports.at(2), ports.at(4)});
  }
  const Found found = found_together(all);
  return {found.boxes, found.scores, found.labels};
}

}  // namespace

TracedDetector::TracedDetector(std::shared_ptr<Detector> detector, TraceTarget target)
    : Layer("TracedDetector"), detector_(std::move(detector)), target_(target) {
  for (const auto& child : detector_->named_children()) register_module(child.key(), child.value());
  train(detector_->is_training());
}

nn::Tensors TracedDetector::forward(const nn::Tensors& images) {
  const torch::Tensor& image = images.at(0);
  if (!torch::jit::tracer::isTracing()) return own_answer(*detector_, image);
  MLRUN_ASSERT(image.size(0) == 1, "a trace of a detector is of one image");
  Found found;
  if (auto* dense = dynamic_cast<DenseDetector*>(detector_.get())) {
    found = traced_found(*dense, call(dense->part("raw"), nn::Tensors{image}), image, target_);
  } else {
    auto* two = dynamic_cast<FasterRcnn*>(detector_.get());
    MLRUN_ASSERT(two != nullptr, "a detector of one stage or of two");
    found = traced_found(*this, *two, image, target_);
  }
  return {found.boxes, found.scores, found.labels};
}

std::int64_t labels_of(Detector& detector) {
  if (auto* dense = dynamic_cast<DenseDetector*>(&detector)) return dense->meaning().classes;
  auto* two = dynamic_cast<FasterRcnn*>(&detector);
  MLRUN_ASSERT(two != nullptr, "a detector of one stage or of two");
  return two->regions().classes;
}

}  // namespace mlrun::models
