// Any bytes as boxes in COCO's form, as XML of PASCAL VOC's and CVAT's, as labels and names of YOLO's and as JSON of
// LabelMe's.

#include <cmath>
#include <vector>

#include "data/sources/boxed/box_check.h"
#include "data/sources/boxed/cvat_mask.h"
#include "data/sources/boxed/cvat_xml.h"
#include "data/sources/boxed/labelme_json.h"
#include "data/sources/boxed/voc_xml.h"
#include "data/sources/boxed/yolo_names.h"
#include "data/sources/boxed/yolo_text.h"
#include "data/sources/coco_annotations.h"
#include "fuzz/fuzz.h"

namespace {

using namespace mlrun;

/// What any reader gives ends as boxes with area in their image, or as problems.
void check(std::vector<data::BoxedObject> objects, bool in_shares) {
  data::BoxedImage image{"i.png", "f", 1, 24, 31, std::move(objects), in_shares};
  for (auto& object : image.objects) object.label = 0;
  if (in_shares) data::to_pixels(image);
  data::BoxProblems problems;
  const std::vector<std::string> names = {"thing"};
  data::BoxCheck(names, {}, problems).check(image);
  for (const auto& object : image.objects) {
    fuzz::require(object.box[0] >= 0 && object.box[1] >= 0 && object.box[2] <= 31 && object.box[3] <= 24,
                  "a box lies in its image");
    fuzz::require(object.box[0] < object.box[2] && object.box[1] < object.box[3], "a box has area");
  }
}

std::vector<data::BoxedObject> plain(std::vector<data::NamedObject> named) {
  std::vector<data::BoxedObject> objects;
  for (auto& thing : named) {
    fuzz::require(!thing.name.empty(), "a thing has a class");
    objects.push_back(std::move(thing.object));
  }
  return objects;
}

void read_coco(std::string_view text) {
  fuzz::tolerate([&] {
    const auto found = data::read_coco(text, "f.json", {false, true});
    std::vector<data::BoxedObject> objects;
    for (const auto& from : found.objects) {
      fuzz::require(from.box.has_value(), "what is read has a box");
      const auto& box = *from.box;
      objects.emplace_back();
      objects.back().box = {box[0], box[1], box[0] + box[2], box[1] + box[3]};
    }
    check(std::move(objects), false);
  });
}

void read_voc(std::string_view text) {
  data::BoxProblems problems;
  std::vector<data::BoxedObject> objects;
  for (const auto& from : data::read_voc(text, "f.xml", problems).objects) {
    fuzz::require(!from.name.empty() && from.line >= 1, "a thing has a class and a line");
    objects.emplace_back();
    objects.back().box = from.box;
  }
  check(std::move(objects), false);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::bytes_of(data, size);
  data::BoxProblems problems;
  read_coco(text);
  read_voc(text);
  check(data::read_yolo(text, "f.txt", {3, 0, 3}, problems), true);
  check(data::read_yolo(text, "f.txt", {3, 2, 2}, problems), true);
  fuzz::tolerate([&] {
    fuzz::require(!data::read_yolo_names(std::string(text), "f.yaml").classes.empty(), "names that are read are some");
  });
  check(plain(data::read_labelme(text, "f.json", problems).objects), false);
  for (auto& image : data::read_cvat(text, "f.xml", problems).images) check(plain(std::move(image.objects)), false);
  if (const auto mask = data::cvat_mask(text, {1, 2, 3, 4}, 8, 9)) {
    std::int64_t pixels = 0;
    for (const auto count : mask->counts) pixels += count;
    fuzz::require(pixels == 72, "a mask fills its image");
  }
  return 0;
}
