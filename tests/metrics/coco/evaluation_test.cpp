#include "metrics/coco/evaluation.h"

#include <cmath>
#include <limits>

#include "metrics/coco/cases.h"
#include "metrics/coco/result.h"

namespace mlrun::metrics {
namespace {

using test::CocoCase;
using What = CocoChoice::What;

constexpr double kNear = 1e-12;

void check_number(double value, const Json& expected) {
  if (expected.is_null()) CHECK(std::isnan(value));
  else CHECK(std::abs(value - expected.get<double>()) <= kNear);
}

void check_numbers(const std::vector<double>& values, const Json& expected) {
  REQUIRE(values.size() == expected.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    INFO("number " << i << ": " << values[i] << ", the API has " << expected[i].dump());
    check_number(values[i], expected[i]);
  }
}

/// In the order of the API's `stats`.
std::vector<double> stats_of(const CocoResult& result) {
  std::vector<double> stats;
  if (result.settings.kind != CocoKind::Keypoints) {
    for (const auto& [name, value] : coco_figures(result)) stats.push_back(value);
    return stats;
  }
  for (const auto what : {What::Precision, What::Recall}) {
    for (const std::ptrdiff_t threshold : {-1, 0, 5}) stats.push_back(mean_of(result, {what, threshold}));
    for (const std::size_t area : {1, 2}) stats.push_back(mean_of(result, {what, -1, -1, area}));
  }
  return stats;
}

void check_same(const CocoResult& a, const CocoResult& b) {
  const auto same = [](const std::vector<double>& x, const std::vector<double>& y) {
    return std::equal(x.begin(), x.end(), y.begin(), y.end(),
                      [](double v, double w) { return v == w || (std::isnan(v) && std::isnan(w)); });
  };
  CHECK(same(a.precisions, b.precisions));
  CHECK(same(a.recalls, b.recalls));
  CHECK(same(a.curves, b.curves));
  CHECK(same(a.scores, b.scores));
  CHECK(a.truths == b.truths);
}

CocoTruth box_truth(CocoBox box, std::size_t category = 0) {
  CocoTruth truth;
  truth.category = category;
  truth.shape.box = box;
  truth.area = box.width * box.height;
  return truth;
}

CocoDetection box_found(CocoBox box, double score, std::size_t category = 0) {
  CocoDetection found;
  found.category = category;
  found.score = score;
  found.shape.box = box;
  found.area = area_of(CocoKind::Boxes, found.shape);
  return found;
}

CocoEvaluation boxes(std::size_t categories = 1) { return {CocoSettings::of(CocoKind::Boxes), categories}; }

}  // namespace

TEST_CASE("figures of boxes, masks and keypoints are those of COCO's API", "[metrics][coco]") {
  REQUIRE(test::coco_cases().size() == 9);
  for (const CocoCase& one : test::coco_cases()) {
    INFO(one.name);
    const CocoResult result = result_of(one.evaluated());
    check_numbers(stats_of(result), one.found.at("stats"));
    std::vector<double> classes;
    for (std::size_t k = 0; k < one.categories.size(); ++k) {
      classes.push_back(mean_of(result, {What::Precision, -1, static_cast<std::ptrdiff_t>(k)}));
    }
    check_numbers(classes, one.found.at("class_ap"));
  }
}

TEST_CASE("so is each number that they are means of", "[metrics][coco]") {
  std::size_t looked_at = 0;
  for (const CocoCase& one : test::coco_cases()) {
    if (!one.found.contains("precisions")) continue;
    INFO(one.name);
    const CocoResult result = result_of(one.evaluated());
    check_numbers(result.precisions, one.found.at("precisions"));
    check_numbers(result.recalls, one.found.at("recalls"));
    std::vector<double> curves, scores;  // of every third threshold
    for (std::size_t t = 0; t < result.settings.thresholds.size(); t += 3) {
      const auto from = static_cast<std::ptrdiff_t>(result.curve(t, 0)),
                 end = static_cast<std::ptrdiff_t>(result.curve(t + 1, 0));
      curves.insert(curves.end(), result.curves.begin() + from, result.curves.begin() + end);
      scores.insert(scores.end(), result.scores.begin() + from, result.scores.begin() + end);
    }
    check_numbers(curves, one.found.at("curves"));
    check_numbers(scores, one.found.at("scores"));
    ++looked_at;
  }
  CHECK(looked_at == 7);
}

TEST_CASE("neither the order of images nor who saw them changes a bit", "[metrics][coco]") {
  for (const CocoCase& one : test::coco_cases()) {
    INFO(one.name);
    const CocoEvaluation whole = one.evaluated();
    CocoEvaluation odd(whole.settings(), one.categories.size()), even = odd;
    for (std::size_t i = one.images.size(); i-- > 0;) one.add_to(i % 2 == 0 ? even : odd, one.images[i]);
    odd.merge(even);
    check_same(result_of(whole), result_of(odd));
    CHECK(whole.confusion() == odd.confusion());
    CHECK(odd.images() == one.images.size());
    CHECK(whole.totals().near == odd.totals().near);
  }
}

TEST_CASE("an evaluation is saved, read and goes on", "[metrics][coco]") {
  const CocoCase& one = test::coco_case_of("boxes");
  CocoEvaluation first(CocoSettings::of(one.kind), one.categories.size()), second = first;
  for (std::size_t i = 0; i < one.images.size() / 2; ++i) one.add_to(first, one.images[i]);
  REQUIRE(second.restore(first.state()));
  CHECK(second.images() == one.images.size() / 2);
  for (std::size_t i = one.images.size() / 2; i < one.images.size(); ++i) one.add_to(second, one.images[i]);
  check_same(result_of(second), result_of(one.evaluated()));
  CHECK(second.confusion() == one.evaluated().confusion());

  CocoState broken = first.state();
  broken.hits.pop_back();
  CHECK_FALSE(second.restore(broken));
  broken = first.state();
  broken.ranks[0] = -1;
  CHECK_FALSE(second.restore(broken));
  CocoEvaluation other(CocoSettings::of(one.kind), one.categories.size() + 1);
  CHECK_FALSE(other.restore(first.state()));
  check_same(result_of(second), result_of(one.evaluated()));
}

TEST_CASE("an image that is there twice is told, whoever saw it", "[metrics][coco]") {
  const std::string twice =
      "the image 7 was evaluated twice; each image counts once: give every process images of its own";
  CocoEvaluation evaluation = boxes(), other = boxes();
  evaluation.add(7, {}, {});
  CHECK(test::user_error([&] { evaluation.add(7, {}, {}); }) == twice);
  other.add(7, {}, {});
  CHECK(test::user_error([&] { evaluation.merge(other); }) == twice);
}

TEST_CASE("detections beyond the most of a class are not kept", "[metrics][coco]") {
  CocoEvaluation evaluation = boxes(2);
  std::vector<CocoDetection> found;
  for (int i = 0; i < 500; ++i) found.push_back(box_found({0, 0, 10, 10}, i / 500., i % 2 == 0 ? 0 : 5));
  evaluation.add(1, {box_truth({0, 0, 10, 10})}, found);
  CHECK(evaluation.records()[0].size() == 100);
  CHECK(evaluation.records()[1].size() == 0);
  CHECK(evaluation.totals().unknown == 250);
  CHECK(evaluation.totals().detections == 100);
  CHECK(*std::min_element(evaluation.records()[0].scores.begin(), evaluation.records()[0].scores.end()) == 300 / 500.);
}

TEST_CASE("a crowd takes any number of detections, what is ignored takes one, and neither counts", "[metrics][coco]") {
  for (const bool crowd : {true, false}) {
    CocoEvaluation evaluation = boxes();
    CocoTruth hidden = box_truth({0, 0, 100, 100});
    hidden.crowd = crowd, hidden.ignored = !crowd;
    evaluation.add(
        1, {hidden, box_truth({200, 200, 10, 10})},
        {box_found({0, 0, 100, 100}, .9), box_found({0, 0, 100, 90}, .8), box_found({200, 200, 10, 10}, .7)});
    const CocoResult result = result_of(evaluation);
    CHECK(result.truths[0] == 1);
    check_number(mean_of(result, {What::Precision, 0}), crowd ? 1 : .5);
  }
}

TEST_CASE("areas include both their ends", "[metrics][coco]") {
  CocoEvaluation evaluation = boxes();
  evaluation.add(1, {box_truth({0, 0, 32, 32}), box_truth({100, 0, 96, 96})}, {});
  const CocoResult result = result_of(evaluation);
  CHECK(result.truths == std::vector<std::int64_t>{2, 1, 2, 1});
  CHECK(mean_of(result, {What::Recall, -1, -1, 1}) == 0);
}

TEST_CASE("scores and boxes that are no numbers find nothing and break nothing", "[metrics][coco]") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), far = std::numeric_limits<double>::infinity();
  CocoEvaluation evaluation = boxes();
  evaluation.add(1, {box_truth({0, 0, 10, 10}), box_truth({nan, 0, 10, 10}), box_truth({5, 5, 0, 0})},
                 {box_found({0, 0, 10, 10}, nan), box_found({nan, nan, nan, nan}, .9), box_found({0, 0, far, far}, .8),
                  box_found({5, 5, 0, 0}, far)});
  const double ap = mean_of(result_of(evaluation), {What::Precision, 0});
  check_number(ap, 34 / 101. / 3);  // one of three, after two mistakes; what is endless is of no size that counts
}

TEST_CASE("the confusion matrix has a background", "[metrics][coco]") {
  CocoEvaluation evaluation = boxes(2);
  CocoTruth crowd = box_truth({300, 0, 50, 50}, 1);
  crowd.crowd = true;
  evaluation.add(
      1, {box_truth({0, 0, 10, 10}, 0), box_truth({50, 0, 10, 10}, 1), box_truth({90, 0, 10, 10}, 1), crowd},
      {box_found({0, 0, 10, 10}, .9, 0), box_found({0, 0, 10, 9}, .8, 0), box_found({50, 0, 10, 10}, .7, 0),
       box_found({200, 0, 10, 10}, .6, 1), box_found({300, 0, 40, 40}, .5, 1), box_found({90, 0, 10, 10}, .2, 1)});
  // true by rows, found by columns; the last detection has too low a score, and the one in the crowd counts nowhere
  CHECK(evaluation.confusion() == std::vector<std::int64_t>{1, 0, 0, 1, 0, 1, 1, 1, 0});
}

TEST_CASE("figures that need what is absent are no numbers", "[metrics][coco]") {
  CocoEvaluation evaluation = boxes(2);
  evaluation.add(1, {box_truth({0, 0, 100, 100})}, {box_found({0, 0, 100, 100}, .5)});
  std::string text;
  for (const auto& [name, value] : coco_figures(result_of(evaluation))) {
    text += name + (std::isnan(value) ? " -, " : " " + std::to_string(std::lround(value)) + ", ");
  }
  CHECK(text ==
        "ap 1, ap50 1, ap75 1, ap_small -, ap_medium -, ap_large 1, ar1 1, ar10 1, ar100 1, ar_small -, "
        "ar_medium -, ar_large 1, ");
}

}  // namespace mlrun::metrics
