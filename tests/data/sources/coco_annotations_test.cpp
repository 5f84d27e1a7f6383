#include "data/sources/coco_annotations.h"

#include "support.h"

namespace mlrun::data {
namespace {

std::string coco_error(const std::string& text) {
  return test::user_error([&] { read_coco(text, "i.json"); });
}

std::string with_annotations(const std::string& annotations) {
  return R"({"images": [{"id": 1, "file_name": "a.jpg", "height": 2, "width": 3}], "annotations": [)" + annotations +
         R"(], "categories": [{"id": 7, "name": "cat"}]})";
}

}  // namespace

TEST_CASE("annotations of COCO's form are read in any order, with what they may lack", "[data][coco]") {
  const auto found = read_coco(
      R"({"annotations": [
            {"id": 5, "image_id": 9, "category_id": 2, "segmentation": [[0, 0, 2, 0, 2, 2, 0, 2]]},
            {"id": 6, "image_id": 3.0, "category_id": 1, "iscrowd": 1, "area": 4.5, "bbox": [0, 0, 1, 1],
             "segmentation": {"size": [2, 3], "counts": [1, 2, 3]}},
            {"id": 7, "image_id": 3, "category_id": 1, "segmentation": {"size": [2, 3], "counts": "123"}},
            {"id": 8, "image_id": 3, "category_id": 1, "segmentation": []}],
          "images": [{"id": 9, "file_name": "b.jpg"}, {"id": 3, "file_name": "a.jpg", "height": 2, "width": 3}],
          "categories": [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]})",
      "i.json");
  REQUIRE(found.images.size() == 2);
  CHECK(found.images[0].file == "a.jpg");
  CHECK(found.images[1].height == 0);
  CHECK(found.categories[1].name == "dog");
  REQUIRE(found.objects.size() == 4);
  CHECK(found.objects[0].image == 1);
  CHECK_FALSE(found.objects[0].area);
  CHECK(found.objects[0].mask(2, 3).area() == 4);
  CHECK(found.objects[1].crowd);
  CHECK(*found.objects[1].area == 4.5);
  CHECK(found.objects[1].mask(2, 3).counts == std::vector<std::uint32_t>{1, 2, 3});
  CHECK(found.objects[2].mask(2, 3).counts == std::vector<std::uint32_t>{1, 2, 3});
  CHECK(found.objects[3].mask(2, 3).area() == 0);
}

TEST_CASE("what is wrong with annotations is told by their ids", "[data][coco]") {
  const std::string hint = "; it is an object with the lists images, annotations and categories";
  CHECK(coco_error("[]") == "i.json: is no JSON of COCO's form" + hint);
  CHECK(coco_error(R"({"images": [{"id": 1, "file_name": "a.jpg"})") ==
        "i.json: is no JSON of COCO's form behind item 1 of 'images'" + hint);
  CHECK(
      coco_error(R"({"annotations": [{"id": 1}, {"id": 2}, {"bbox": [1, NaN, 2, 2]}]})") ==
      "i.json: is no JSON of COCO's form behind item 2 of 'annotations'; NaN and Infinity are no numbers of JSON: mend "
      "what comes there");
  CHECK(coco_error(R"({"categories": [{"id": 1, "name": "a"}]})") == "i.json: has no images" + hint);
  CHECK(coco_error(R"({"images": [{"id": 1, "file_name": "a.jpg"}]})") == "i.json: has no categories" + hint);
  CHECK(
      coco_error(with_annotations(R"(
      {"id": 1, "image_id": 1, "category_id": 7, "bbox": [0, 0, 1, 1]},
      {"id": 2, "image_id": 1, "category_id": 7, "segmentation": [[0, 0, 1, 1]]},
      {"id": 3, "image_id": 1, "category_id": 7, "segmentation": [[0, 0, 1, 1, null, 2]]},
      {"id": 4, "image_id": 1, "category_id": 7, "segmentation": {"size": [2, 3], "counts": [1, 2]}},
      {"id": 5, "image_id": 1, "category_id": 7, "segmentation": {"size": [3, 2], "counts": [6]}},
      {"id": 6, "image_id": 2, "category_id": 7, "segmentation": []},
      {"id": 7, "image_id": 1, "category_id": 8, "segmentation": []},
      {"id": 8, "category_id": 7, "segmentation": []},
      {"id": 9, "image_id": 1, "category_id": 7, "segmentation": "text"})")) ==
      "i.json: annotation 1 has no segmentation; boxes alone are no masks\n"
      "i.json: annotation 2 has a polygon that is none; a polygon is a list of x and y in turn, of three corners or "
      "more\n"
      "i.json: annotation 3 has a polygon that is none; a polygon is a list of x and y in turn, of three corners or "
      "more\n"
      "i.json: annotation 4 has a mask that is none; it has `size`, height and width, and `counts`, runs that fill it\n"
      "i.json: annotation 8 has no image_id or category_id; give it both\n"
      "i.json: annotation 9 has a mask that is none; it has `size`, height and width, and `counts`, runs that fill it\n"
      "i.json: annotation 5 has a mask of 2x3 pixels, and its image is of 3x2; masks have the sizes of their images\n"
      "i.json: annotation 6 is of the image 2; there is none of this id\n"
      "i.json: annotation 7 is of the category 8; there is none of this id");
  CHECK(coco_error(R"({"images": [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}, {"id": 2}],
                       "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]})") ==
        "i.json: an image has no id or file_name; give it both\n"
        "i.json: the category 1 stands there twice; remove one\n"
        "i.json: the image id 1 stands there twice; 'b.jpg' needs an id of its own");
}

}  // namespace mlrun::data
