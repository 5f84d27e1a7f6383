#include "metrics/coco/explain.h"

#include "support.h"

namespace mlrun::metrics {
namespace {

CocoTruth object_at(CocoBox box, std::size_t category = 0) { return {category, {box, {}, {}}, box.width * box.height}; }
CocoDetection thing_at(CocoBox box, std::size_t category = 0) {
  return {category, .9, {box, {}, {}}, box.width * box.height};
}

/// What is told of one image behind `ap`, and behind the others by name.
std::string told(const std::vector<CocoTruth>& truths, const std::vector<CocoDetection>& found) {
  CocoEvaluation evaluation(CocoSettings::of(CocoKind::Boxes), 2);
  evaluation.add(1, truths, found);
  std::string text;
  for (const auto& remark : remarks_on(evaluation, result_of(evaluation))) {
    text += (text.empty() ? "" : " | ") + (remark.figure == "ap" ? "" : remark.figure + " ") + remark.text;
  }
  return text;
}

const std::vector<CocoTruth> kSizes = {object_at({0, 0, 10, 10}), object_at({100, 0, 50, 50}),
                                       object_at({200, 0, 200, 200})};

}  // namespace

TEST_CASE("it is told why average precision is absent", "[metrics][coco]") {
  CHECK(told({}, {thing_at({0, 0, 9, 9})}) == "there are no objects in 1 image, so nothing could be found");
  CocoTruth crowd = object_at({0, 0, 50, 50});
  crowd.crowd = true;
  CHECK(told({crowd, crowd}, {}) == "of 2 objects 2 are crowds or ignored, so nothing that counts could be found");
  CHECK(told({object_at({0, 0, 50, 50})}, {thing_at({0, 0, 50, 50})}) ==
        "ap_small no object that counts has 0 to 1024 square pixels | "
        "ap_large no object that counts has 9216 to 10000000000 square pixels");
  CHECK(told(kSizes, {thing_at({0, 0, 10, 10})}) == "");
}

TEST_CASE("it is told why average precision is 0", "[metrics][coco]") {
  CHECK(told(kSizes, {}) == "0: nothing was detected; a lower score threshold may find more");
  CHECK(told(kSizes, {thing_at({0, 0, 10, 10}, 7)}) ==
        "0: all detections are of classes that the data do not have | "
        "1 detection is of classes that the data do not have, and left out");
  CHECK(told(kSizes, {thing_at({0, 0, 10, 10}, 1), thing_at({100, 0, 50, 50}, 1)}) ==
        "0: 2 detections lie on an object, none on one of its class: are the class numbers shifted, or ids in place of "
        "positions?");
  CHECK(told(kSizes, {thing_at({0, 0, .1, .1})}) ==
        "0: no detection overlaps an object by 0.50; they reach to 0.1 and the objects to 400.0: they seem to be "
        "relative, "
        "not in pixels");
  CHECK(
      told(kSizes, {thing_at({0, 0, 800, 800})}) ==
      "0: no detection overlaps an object by 0.50; they reach to 800.0 and the objects to 400.0: are they in pixels of "
      "the image as it lies on disk?");
  CHECK(told(kSizes, {thing_at({0, 0, 400, 400})}) ==
        "0: no detection overlaps an object by 0.50; they reach to 400.0 and the objects to 400.0: are they [x, y, "
        "width, "
        "height] where that is meant, and of the same images?");
}

}  // namespace mlrun::metrics
