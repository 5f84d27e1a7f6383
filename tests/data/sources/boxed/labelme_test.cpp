#ifdef MLRUN_WITH_OPENCV

#include "data/sources/boxed/labelme.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/boxes.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::user_error;

Json shape(const std::string& label, const std::string& type, const Json& points, const Json& group = nullptr) {
  return {{"label", label}, {"shape_type", type}, {"points", points}, {"group_id", group}};
}

struct LabelMeFolder : test::TempDir {
  LabelMeFolder() {
    write("a.png", test::blank_png(20, 10));
    write("more/b.png", test::blank_png(20, 10));
    set({shape("dog", "rectangle", {{8, 7}, {2, 3}}), shape("cat", "circle", {{10, 5}, {13, 9}})});
    write("more/b.json", json_text({{"imagePath", "b.png"}, {"shapes", Json::array()}}));
  }
  void set(const Json& given) const {
    const Json shapes = given.is_object() ? Json::array({given}) : given;
    write("a.json", json_text({{"imagePath", "a.png"}, {"imageHeight", 10}, {"imageWidth", 20}, {"shapes", shapes}}));
  }
  std::shared_ptr<const Dataset> open() const { return open_labelme(options, {path(), {}}); }
  std::string error() const {
    return user_error([&] { open(); });
  }
  std::string refused(const Json& shapes) const {
    set(shapes);
    const std::string found = error(), place = (*this / "a.json").string() + ": ";
    INFO(found);
    REQUIRE(found.substr(0, place.size()) == place);
    return found.substr(place.size());
  }

  LabelMeOptions options;
};

}  // namespace

TEST_CASE("LabelMe's shapes become boxes", "[data][boxes]") {
  LabelMeFolder folder;
  const auto data = folder.open();
  CHECK(data->info().classes == std::vector<std::string>{"cat", "dog"});
  REQUIRE(data->split(Split::Train)->size() == 2);
  const Fields targets = test::targets_at(*data, Split::Train, 0);
  CHECK(targets.tensor("boxes").equal(torch::tensor({{2.0F, 3.0F, 8.0F, 7.0F}, {5.0F, 0.0F, 15.0F, 10.0F}})));
  CHECK(targets.tensor("labels").equal(torch::tensor({1, 0}, torch::kLong)));
  CHECK(test::targets_at(*data, Split::Train, 1).tensor("labels").numel() == 0);
  folder.options.train_folder = "more";
  folder.options.val_folder = ".";
  folder.options.classes = {"dog", "cat"};
  folder.write("more/a.json", "");
  CHECK(folder.error().find("more/a.json: is no JSON") != std::string::npos);
}

TEST_CASE("polygons of one label and group are one thing", "[data][boxes]") {
  LabelMeFolder folder;
  folder.options.masks = true;
  folder.set({shape("dog", "polygon", {{1, 1}, {3, 1}, {3, 3}, {1, 3}}, 1),
              shape("dog", "polygon", {{5, 5}, {9, 5}, {9, 7}, {5, 7}}, 1),
              shape("dog", "polygon", {{5, 5}, {9, 5}, {9, 7}, {5, 7}}), shape("dog", "line", {{5, 5}, {9, 5}})});
  const Fields targets = test::targets_at(*folder.open(), Split::Train, 0);
  CHECK(targets.tensor("boxes").equal(torch::tensor({{1.0F, 1.0F, 9.0F, 7.0F}, {5.0F, 5.0F, 9.0F, 7.0F}})));
  CHECK(targets.tensor("masks")[0].sum().item<std::int64_t>() == 12);
}

TEST_CASE("mistakes in LabelMe's annotations are named", "[data][boxes]") {
  LabelMeFolder folder;
  CHECK(folder.refused({shape("", "rectangle", {{8, 7}, {2, 3}})}) == "shape 1 has no label; name its class");
  CHECK(folder.refused(Json::array({7})) == "shape 1 is no object; it has label, points and shape_type");
  CHECK(folder.refused({shape("dog", "rectangle", {{8, 7}, {2, 3}}), shape("dog", "rectangle", {{8, "7"}, {2, 3}})}) ==
        "shape 2, 'dog', has no points; they are a list of [x, y] in pixels");
  CHECK(folder.refused({shape("dog", "rectangle", Json::array({{8, 7}}))}) ==
        "shape 1, 'dog', is no rectangle; it has two points");
  CHECK(folder.refused({shape("dog", "polygon", {{8, 7}, {1, 2}})}) ==
        "shape 1, 'dog', is no polygon; it has three corners or more");
  CHECK(folder.refused({shape("dog", "rectangle", {{8, 7}, {8, 3}})}) ==
        "shape 1, 'dog', has a box without area, 8,3 to 8,7; mend or remove it, or set data.degenerate: drop");
  folder.write("a.json", "{}");
  CHECK(folder.error() ==
        (folder / "a.json").string() + ": is no annotation of LabelMe; it is an object with the list shapes\n" +
            (folder / "a.jpg").string() + ": is not there, and " + (folder / "a.json").string() +
            " names it; imagePath is its path from the folder of the JSON file; embedded images are not read");
  folder.set({shape("dog", "rectangle", {{8, 7}, {2, 3}})});
  folder.options.classes = {"cat"};
  CHECK(folder.error() == (folder / "a.json").string() + ": 'dog' is no class; data.classes has cat");
  folder.options.train_folder = "none";
  folder.write("none/x.txt", "");
  CHECK(folder.error() ==
        (folder / "none").string() +
            ": holds no annotations of LabelMe; data.train_folder names the folder of the JSON files in "
            "data.root");
}

}  // namespace mlrun::data

#endif
