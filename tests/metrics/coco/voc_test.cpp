#include "metrics/coco/voc.h"

#include <cmath>

#include "metrics/coco/cases.h"

namespace mlrun::metrics {
namespace {

constexpr double kVocNear = 1e-12;

std::vector<CocoTruth> truths_of(const test::CocoCase& one, std::int64_t image) {
  const auto found = one.truths.find(image);
  return found == one.truths.end() ? std::vector<CocoTruth>() : found->second;
}

std::vector<CocoDetection> detections_of(const test::CocoCase& one, std::int64_t image) {
  const auto found = one.detections.find(image);
  return found == one.detections.end() ? std::vector<CocoDetection>() : found->second;
}

CocoTruth truth_at(CocoBox box, bool difficult = false) {
  CocoTruth truth;
  truth.shape.box = box;
  truth.ignored = difficult;
  return truth;
}

CocoDetection found_at(CocoBox box, double score) {
  CocoDetection found;
  found.shape.box = box;
  found.score = score;
  return found;
}

}  // namespace

TEST_CASE("both rules of Pascal VOC give what its development kit gives", "[metrics][voc]") {
  std::size_t looked_at = 0;
  for (const auto& one : test::coco_cases()) {
    if (!one.found.contains("voc")) continue;
    INFO(one.name);
    VocEvaluation odd({}, one.categories.size()), even = odd;
    for (std::size_t i = one.images.size(); i-- > 0;) {
      (i % 2 == 0 ? even : odd).add(one.images[i], truths_of(one, one.images[i]), detections_of(one, one.images[i]));
    }
    odd.merge(even);
    for (std::size_t k = 0; k < one.categories.size(); ++k) {
      for (const auto rule : {VocRule::ElevenPoints, VocRule::AllPoints}) {
        const Json& expected = one.found.at("voc").at(rule == VocRule::ElevenPoints ? "eleven" : "all").at(k);
        const double value = odd.average_precision(k, rule);
        INFO("class " << k << ": " << value << ", VOC has " << expected.dump());
        CHECK((expected.is_null() ? std::isnan(value) : std::abs(value - expected.get<double>()) <= kVocNear));
        ++looked_at;
      }
    }
    CHECK(odd.mean(VocRule::AllPoints) > 0);
  }
  CHECK(looked_at == 2 * (4 + 1 + 80));
}

TEST_CASE("what VOC calls difficult counts for nothing, and an object is found once", "[metrics][voc]") {
  VocEvaluation evaluation({}, 1);
  evaluation.add(1, {truth_at({0, 0, 9, 9}), truth_at({50, 0, 9, 9}, true)},
                 {found_at({50, 0, 9, 9}, .9), found_at({50, 0, 9, 9}, .8), found_at({0, 0, 9, 9}, .7),
                  found_at({0, 0, 9, 9}, .6)});
  CHECK(evaluation.average_precision(0, VocRule::AllPoints) == 1);
  CHECK(std::abs(evaluation.average_precision(0, VocRule::ElevenPoints) - 1) < kVocNear);
  CHECK(std::isnan(VocEvaluation({}, 1).mean(VocRule::AllPoints)));
  CHECK(test::user_error([&] { evaluation.add(1, {}, {}); }) ==
        "the image 1 was evaluated twice; each image counts once: give every process images of its own");
}

TEST_CASE("a hit overlaps more than half, with the corners' pixels counted in", "[metrics][voc]") {
  for (const double pixels : {1., 0.}) {
    VocEvaluation evaluation({.5, pixels}, 1);
    evaluation.add(1, {truth_at({0, 0, 9, 19})}, {found_at({0, 0, 9, 9}, .9)});  // 100 of 200 pixels, or 81 of 171
    CHECK(evaluation.average_precision(0, VocRule::AllPoints) == 0);
    VocEvaluation more({.5, pixels}, 1);
    more.add(1, {truth_at({0, 0, 9, 19})}, {found_at({0, 0, 9, 9.2}, .9)});
    CHECK(more.average_precision(0, VocRule::AllPoints) == (pixels > 0 ? 1 : 0));
  }
}

}  // namespace mlrun::metrics
