#include "metrics/coco/results.h"

#include "metrics/coco/cases.h"
#include "metrics/coco/result.h"

namespace mlrun::metrics {
namespace {

CocoResults read(const std::string& text) { return read_coco_results(text, "r.json"); }
std::string refused(const std::string& text) {
  return test::user_error([&] { read(text); });
}
std::string box_result(const std::string& more) {
  return R"({"image_id": 1, "category_id": 2, "score": 0.5, )" + more + "}";
}

}  // namespace

TEST_CASE("a file of results gives the figures of COCO's API", "[metrics][coco]") {
  std::size_t looked_at = 0;
  for (const test::CocoCase& one : test::coco_cases()) {
    INFO(one.name);
    auto images = one.images;
    const auto found = detections_of(read(one.results.dump()), one.kind, images, one.categories, "r.json");
    CocoEvaluation evaluation(CocoSettings::of(one.kind), one.categories.size());
    for (const auto image : images) {
      const auto truths = one.truths.find(image);
      evaluation.add(image, truths == one.truths.end() ? std::vector<CocoTruth>() : truths->second, found.at(image));
    }
    const auto a = coco_figures(result_of(evaluation)), b = coco_figures(result_of(one.evaluated()));
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK((a[i].second == b[i].second || (std::isnan(a[i].second) && std::isnan(b[i].second))));
    }
    looked_at += one.results.empty() ? 0 : 1;
  }
  CHECK(looked_at == 8);
}

TEST_CASE("results are written as they are read", "[metrics][coco]") {
  const test::TempDir folder;
  for (const char* name : {"boxes", "masks", "keypoints"}) {
    INFO(name);
    const auto& one = test::coco_case_of(name);
    const CocoResults before = read(one.results.dump());
    CocoResultsFile file(folder / name);
    for (const auto& found : before.found) file.add(found, before.masks);
    file.commit();
    const CocoResults after = read(read_file(folder / name));
    CHECK(after.has(one.kind));
    REQUIRE(after.found.size() == before.found.size());
    for (std::size_t i = 0; i < before.found.size(); ++i) {
      const CocoFound &a = before.found[i], &b = after.found[i];
      CHECK((a.image == b.image && a.category == b.category && a.score == b.score && a.area == b.area));
      CHECK(a.shape.mask.counts == b.shape.mask.counts);
      CHECK(a.shape.keypoints == b.shape.keypoints);
      CHECK(a.shape.box.width == b.shape.box.width);
    }
  }
  CocoResultsFile(folder / "none").commit();
  CHECK(read(read_file(folder / "none")).found.empty());
}

TEST_CASE("runs are written as COCO's API writes them", "[metrics][coco]") {
  std::size_t looked_at = 0;
  for (const auto& result : test::coco_case_of("masks").results) {
    const Json& counts = result.at("segmentation").at("counts");
    if (!counts.is_string()) continue;
    CHECK(runs_text(*data::parse_runs(counts.get<std::string>(), 240, 240)) == counts.get<std::string>());
    ++looked_at;
  }
  CHECK(looked_at > 10);
  const data::RunLengths large{40000, 50000, {5, 1999999990, 3, 2}};
  CHECK(data::parse_runs(runs_text(large), 40000, 50000)->counts == large.counts);
}

TEST_CASE("what is no list of results is refused in one line", "[metrics][coco]") {
  const std::string form =
      "r.json: is no list of results in COCO's form; it is JSON, [{\"image_id\": 1, \"category_id\": 1, "
      "\"bbox\": [x, y, width, height], \"score\": 0.9}, ...], and has no NaN";
  for (const char* text : {"", "{", "7", "[1]", R"({"annotations": [{"id": 1}]})", R"([{"score": NaN}])"}) {
    INFO(text);
    CHECK(refused(text) == form);
  }
}

TEST_CASE("each broken result is told by its place", "[metrics][coco]") {
  const std::pair<std::string, std::string> cases[] = {
      {"[[]]", "result 1 is no object; it has image_id, category_id, score and bbox or the like"},
      {R"([{"image_id": "a.jpg"}])",
       "result 1 has no image_id that is a number; it is the id that the annotations give the image"},
      {R"([{"image_id": 1}])",
       "result 1 has no category_id that is a number; it is the id that the annotations give the class"},
      {R"([{"image_id": 1, "category_id": 1, "score": "0.5"}])",
       "result 1 has no score that is a number; give each the model's confidence"},
      {R"([{"image_id": 1, "category_id": 1, "score": 1}])",
       "result 1 has no bbox, segmentation or keypoints; give all results one of them"},
      {"[" + box_result(R"("bbox": [0, 0, 1, 1])") + "," + box_result(R"("keypoints": [0, 0, 1])") + "]",
       "result 2 has no bbox; the first result has one, and all must have the same"},
      {"[" + box_result(R"("bbox": [0, 0, 1])") + "]",
       "result 1 has a bbox that is none; it is [x, y, width, height] in pixels, of the upper left corner"},
      {"[" + box_result(R"("bbox": [5, 5, 1, -2])") + "]",
       "result 1 has a bbox that is none; it is [x, y, width, height] in pixels, of the upper left corner"},
      {"[" + box_result(R"("segmentation": {"size": [2, 2], "counts": [1, 2]})") + "]",
       "result 1 has a segmentation that is none; it has `size`, height and width, and `counts`, runs that fill it; "
       "polygons are for annotations"},
      {"[" + box_result(R"("segmentation": [[0, 0, 1, 0, 1, 1]])") + "]",
       "result 1 has a segmentation that is none; it has `size`, height and width, and `counts`, runs that fill it; "
       "polygons are for annotations"},
      {"[" + box_result(R"("keypoints": [0, 0])") + "]",
       "result 1 has keypoints that are none; they are x, y and visibility in turn"}};
  for (const auto& [text, message] : cases) CHECK(refused(text) == "r.json: " + message);
}

TEST_CASE("results of images or of a kind that are not evaluated are told", "[metrics][coco]") {
  const std::string text = "[" + box_result(R"("bbox": [0, 0, 1, 1])") + "]";
  CHECK(test::user_error([&] {
          detections_of(read(text), CocoKind::Boxes, {3, 4}, {2}, "r.json");
        }) == "r.json: result 1 is of the image 1; the evaluated split has none of this id");
  CHECK(test::user_error([&] { detections_of(read(text), CocoKind::Masks, {1}, {2}, "r.json"); }) ==
        "r.json: its results have no segmentation; evaluate them as what they are");
  const auto found = detections_of(read(text), CocoKind::Boxes, {1}, {3}, "r.json");
  CocoEvaluation evaluation(CocoSettings::of(CocoKind::Boxes), 1);
  evaluation.add(1, {}, found.at(1));
  CHECK(evaluation.totals().unknown == 1);
}

TEST_CASE("a box goes before a mask where areas are concerned, as in COCO's API", "[metrics][coco]") {
  const auto found =
      read("[" + box_result(R"("bbox": [0, 0, 3, 4], "segmentation": {"size": [2, 2], "counts": [1, 3]})") + "]");
  CHECK((found.boxes && found.masks));
  CHECK(found.found[0].area == 12);
  CHECK(found.found[0].shape.mask.area() == 3);
  CHECK(
      read("[" + box_result(R"("bbox": [], "segmentation": {"size": [2, 2], "counts": [1, 3]})") + "]").found[0].area ==
      3);
}

}  // namespace mlrun::metrics
