#pragma once

#include <memory>

#include "models/detection/traced/steps.h"

namespace mlrun::models {

/// A detector as files for other programs have it: from one image, `image` [1, C, H, W], which fills its batch, to
/// `boxes` [n, 4], `scores` [n] and `labels` (int64 [n]), the best first. It has the detector's layers under their
/// names. Within a trace it computes by operations that a trace keeps; elsewhere the detector itself answers, also for
/// several images, what was found in one after what was found in the other.
class TracedDetector : public nn::Layer {
 public:
  TracedDetector(std::shared_ptr<Detector> detector, TraceTarget target);

  using Layer::forward;
  nn::Tensors forward(const nn::Tensors& images) override;
  nn::Interface interface() const override { return {{{"image"}}, {{"boxes"}, {"scores"}, {"labels"}}}; }

 private:
  std::shared_ptr<Detector> detector_;
  TraceTarget target_;
};

/// How many labels the detector knows, the background among them.
std::int64_t labels_of(Detector& detector);

}  // namespace mlrun::models
