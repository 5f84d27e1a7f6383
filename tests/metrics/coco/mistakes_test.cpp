#include "metrics/coco/mistakes.h"

#include <algorithm>
#include <cmath>

#include "metrics/coco/cases.h"
#include "metrics/coco/errors.h"

namespace mlrun::metrics {
namespace {

CocoTruth object_at(std::size_t category, const CocoBox& box) {
  CocoTruth truth;
  truth.category = category;
  truth.shape.box = box;
  truth.area = box.width * box.height;
  return truth;
}

CocoDetection detection_at(std::size_t category, double score, const CocoBox& box) {
  CocoDetection detection;
  detection.category = category;
  detection.score = score;
  detection.shape.box = box;
  return detection;
}

}  // namespace

TEST_CASE("each mistake in an image is told with what it lies on", "[metrics][coco]") {
  std::vector<CocoTruth> truths = {object_at(0, {0, 0, 10, 10}),  object_at(1, {20, 0, 10, 10}),
                                   object_at(0, {40, 0, 10, 10}), object_at(0, {60, 0, 20, 20}),
                                   object_at(0, {0, 40, 10, 10}), object_at(1, {60, 40, 10, 10})};
  truths[3].crowd = true;
  truths[5].ignored = true;
  const std::vector<CocoDetection> detections = {
      detection_at(0, 0.4, {90, 90, 5, 5}),  detection_at(0, 0.7, {20, 0, 10, 10}),
      detection_at(0, 0.9, {0, 0, 10, 10}),  detection_at(1, 0.3, {40, 4, 10, 10}),
      detection_at(0, 0.6, {62, 2, 10, 10}), detection_at(0, 0.8, {0, 0, 10, 9}),
      detection_at(0, 0.5, {0, 46, 10, 10}), detection_at(1, 0.9, {60, 40, 10, 10}),
      detection_at(0, 0.2, {60, 0, 20, 20})};
  const CocoJudgement judgement = judge_image(CocoSettings::of(CocoKind::Boxes), truths, detections);
  CHECK(judgement.objects == 4);
  CHECK(judgement.right == 1);
  const std::vector<CocoMistake> expected = {{CocoError::Twice, 5, 0, 0.9},       {CocoError::Class, 1, 1, 1},
                                             {CocoError::Place, 6, 4, 0.25},      {CocoError::Background, 0, -1, 0.0},
                                             {CocoError::Both, 3, 2, 60.0 / 140}, {CocoError::Missed, -1, 2, 0.0}};
  REQUIRE(judgement.mistakes.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    INFO(name_of(judgement.mistakes[i].kind) << ", not " << name_of(expected[i].kind));
    CHECK(judgement.mistakes[i].kind == expected[i].kind);
    CHECK(judgement.mistakes[i].detection == expected[i].detection);
    CHECK(judgement.mistakes[i].truth == expected[i].truth);
    CHECK(std::abs(judgement.mistakes[i].overlap - expected[i].overlap) < 1e-12);
    CHECK(judgement.count(expected[i].kind) == 1);
  }
}

TEST_CASE("mistakes of all images are as many as the errors of an evaluation", "[metrics][coco]") {
  const auto& one = test::coco_case_of("errors");
  const CocoEvaluation evaluation = one.evaluated();
  std::vector<CocoJudgement> judgements;
  for (const auto image : one.images) {
    const auto truths = one.truths.find(image);
    const auto found = one.detections.find(image);
    judgements.push_back(judge_image(evaluation.settings(),
                                     truths == one.truths.end() ? std::vector<CocoTruth>() : truths->second,
                                     found == one.detections.end() ? std::vector<CocoDetection>() : found->second));
  }
  for (const auto& cost : error_costs(evaluation)) {
    INFO(cost.name);
    std::int64_t count = 0;
    for (const auto& judgement : judgements) count += static_cast<std::int64_t>(judgement.count(cost.kind));
    CHECK(count == cost.count);
  }
}

TEST_CASE("images without objects or detections are judged", "[metrics][coco]") {
  const auto settings = CocoSettings::of(CocoKind::Boxes);
  CHECK(judge_image(settings, {}, {}).mistakes.empty());
  const auto missed = judge_image(settings, {object_at(0, {0, 0, 5, 5})}, {});
  CHECK(missed.objects == 1);
  CHECK(missed.count(CocoError::Missed) == 1);
  const auto alarm = judge_image(settings, {}, {detection_at(0, std::nan(""), {0, 0, 5, 5})});
  CHECK(alarm.objects == 0);
  CHECK(alarm.count(CocoError::Background) == 1);
}

}  // namespace mlrun::metrics
