// Any bytes as results in COCO's form: what is read is evaluated, written and read again.

#include <cmath>
#include <vector>

#include "fuzz/fuzz.h"
#include "metrics/coco/result.h"
#include "metrics/coco/results.h"

namespace {

using namespace mlrun;

void evaluate(const metrics::CocoResults& results, metrics::CocoKind kind) {
  const auto found = metrics::detections_of(results, kind, {1, 2}, {1, 3}, "f.json");
  metrics::CocoEvaluation evaluation(metrics::CocoSettings::of(kind), 2);
  metrics::CocoTruth truth;
  truth.shape.box = {0, 0, 10, 10};
  truth.shape.mask = {4, 5, {3, 9, 8}};
  truth.shape.keypoints.assign(51, 1);
  truth.area = 100;
  for (const auto& [image, detections] : found) evaluation.add(image, {truth, truth}, detections);
  for (const auto& [name, value] : metrics::coco_figures(metrics::result_of(evaluation))) {
    fuzz::require(std::isnan(value) || (value >= 0 && value <= 1), "a figure is a share");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::tolerate([&] {
    const auto results = metrics::read_coco_results(fuzz::bytes_of(data, size), "f.json");
    for (const auto& found : results.found) {
      if (!results.masks) continue;
      const auto& mask = found.shape.mask;
      const auto again = data::parse_runs(metrics::runs_text(mask), mask.height, mask.width);
      fuzz::require(again && again->counts == mask.counts, "runs are read as they are written");
    }
    for (const auto kind : {metrics::CocoKind::Boxes, metrics::CocoKind::Masks, metrics::CocoKind::Keypoints}) {
      if (results.has(kind)) fuzz::tolerate([&] { evaluate(results, kind); });
    }
  });
  return 0;
}
