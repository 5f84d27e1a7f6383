#ifdef MLRUN_WITH_OPENCV

#include "data/sources/boxed/cvat.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "data/boxes.h"
#include "data/sources/boxed/cvat_mask.h"
#include "support.h"

namespace mlrun::data {
namespace {

using test::user_error;

const char* const kHead =
    "<annotations><meta><task><labels><label><name>dog</name></label><label><name>cat</name></label></labels>"
    "<original_size><width>20</width><height>10</height></original_size></task></meta>\n";

struct CvatFolder : test::TempDir {
  CvatFolder() {
    for (const char* name : {"a.png", "b.png"}) write(std::string("images/") + name, test::blank_png(20, 10));
  }
  void set(const std::string& body) const { write("annotations.xml", kHead + body + "</annotations>\n"); }
  std::shared_ptr<const Dataset> open() const { return open_cvat(options, {path(), {}}); }
  std::string error() const {
    return user_error([&] { open(); });
  }
  /// What a shape of the first image is refused with, from its line on.
  std::string refused(const std::string& shape) const {
    set("<image id=\"0\" name=\"a.png\" width=\"20\" height=\"10\">\n" + shape + "\n</image>\n");
    const std::string found = error(), place = (*this / "annotations.xml").string() + ":";
    INFO(found);
    REQUIRE(found.substr(0, place.size()) == place);
    return found.substr(place.size());
  }

  CvatOptions options;
};

}  // namespace

TEST_CASE("CVAT's images become boxes and masks", "[data][boxes]") {
  CvatFolder folder;
  folder.options.masks = true;
  folder.set(R"(<image id="0" name="a.png" subset="Train" width="20" height="10">
<polygon label="cat" points="1.0,2.0;5,2;5,6;1,6" />
<mask label="dog" rle="1, 2, 3" left="3" top="4" width="3" height="2" /><tag label="x"/>
</image>
<image id="1" name="b.png" subset="Validation" width="20" height="10"/>)");
  const auto data = folder.open();
  CHECK(data->info().classes == std::vector<std::string>{"dog", "cat"});
  CHECK(data->split(Split::Val)->facts(0).id == "images/b.png");
  const Fields targets = test::targets_at(*data, Split::Train, 0);
  CHECK(targets.tensor("boxes").equal(torch::tensor({{1.0F, 2.0F, 5.0F, 6.0F}, {3.0F, 4.0F, 6.0F, 6.0F}})));
  CHECK(targets.tensor("labels").equal(torch::tensor({1, 0}, torch::kLong)));
  CHECK(targets.tensor("masks")[0].sum().item<std::int64_t>() == 16);
  CHECK(targets.tensor("masks")[1].nonzero().equal(torch::tensor({{4, 4}, {4, 5}}, torch::kLong)));
}

TEST_CASE("tracks of CVAT's become boxes of a video's frames", "[data][boxes]") {
  CvatFolder folder;
  folder.write("frames/0002.png", test::blank_png(20, 10));
  folder.write("frames/0010.png", test::blank_png(20, 10));
  folder.options.images = "frames";
  folder.options.frames = "####.png";
  folder.set(R"(<track id="0" label="cat"><box frame="10" outside="0" xtl="1" ytl="2" xbr="3" ybr="4"/>
<box frame="2" outside="0" xtl="2" ytl="2" xbr="3" ybr="4"/><box frame="11" outside="1" xtl="1" ytl="2" xbr="3" ybr="4"/>
</track><track id="1" label="dog"><box frame="2" outside="0" xtl="5" ytl="2" xbr="7" ybr="4"/></track>)");
  const auto data = folder.open();
  REQUIRE(data->split(Split::Train)->size() == 2);
  CHECK(data->split(Split::Train)->facts(0).id == "frames/0002.png");
  CHECK(data->split(Split::Train)->facts(0).labels == std::vector<std::int64_t>{1, 0});
  CHECK(test::targets_at(*data, Split::Train, 1).tensor("boxes").equal(torch::tensor({{1.0F, 2.0F, 3.0F, 4.0F}})));
}

TEST_CASE("a mask of CVAT's fills a part of its image", "[data][boxes]") {
  CHECK(cvat_mask("0,4", {0, 0, 2, 2}, 2, 2)->area() == 4);
  CHECK(cvat_mask("1,1,2", {0, 0, 2, 2}, 2, 3)->counts == std::vector<std::uint32_t>{2, 1, 3});
  CHECK_FALSE(cvat_mask("0,3", {0, 0, 2, 2}, 2, 2));
  CHECK_FALSE(cvat_mask("0,5", {0, 0, 2, 2}, 2, 2));
  CHECK_FALSE(cvat_mask("0,4", {1, 0, 2, 2}, 2, 2));
  CHECK_FALSE(cvat_mask("0,x", {0, 0, 2, 2}, 2, 2));
  CHECK_FALSE(cvat_mask("0,4", {0.5, 0, 2, 2}, 4, 4));
}

TEST_CASE("mistakes in CVAT's annotations are named with their lines", "[data][boxes]") {
  CvatFolder folder;
  CHECK(folder.refused(R"(<box label="cat" xtl="1" ytl="2" xbr="1" ybr="4"/>)") ==
        "3: 'cat' has a box without area, 1,2 to 1,4; mend or remove it, or set data.degenerate: drop");
  CHECK(folder.refused(R"(<box label="cat" xtl="1" ytl="2" xbr="x" ybr="4"/>)") ==
        "3: 'cat' has no number as xbr; it has all of its sides");
  CHECK(folder.refused(R"(<box label="cat" xtl="1" ytl="2" xbr="3" ybr="4" rotation="30"/>)") ==
        "3: 'cat' is a box that is turned; draw it as a polygon");
  CHECK(folder.refused(R"(<box xtl="1" ytl="2" xbr="3" ybr="4"/>)") == "3: a box has no label; name its class");
  CHECK(folder.refused(R"(<polygon label="cat" points="1,2;3,4"/>)") ==
        "3: 'cat' is no polygon; points are x,y;x,y;... of three corners or more");
  CHECK(folder.refused(R"(<mask label="cat" rle="1" left="0" top="0" width="2" height="2"/>)") ==
        "3: 'cat' has a mask that is none; its runs fill its width and height, which lie in the image");
  CHECK(folder.refused(R"(<blob label="cat"/>)") == "3: 'blob' is no shape that is read; remove it");
  CHECK(folder.refused(R"(<box label="owl" xtl="1" ytl="2" xbr="3" ybr="4"/>)") ==
        "3: 'owl' is no class; data.classes has dog, cat");
  folder.set("<image name=\"a.png\" subset=\"Train\"/>\n<image name=\"b.png\" subset=\"other\"/>");
  CHECK(folder.error() ==
        (folder / "annotations.xml").string() +
            ":3: 'b.png' is of no subset that is a split; subsets are Train, Validation and Test where "
            "any is");
  folder.set("");
  CHECK(folder.error() == (folder / "annotations.xml").string() + ": names no images; export the task with its images");
  folder.write("annotations.xml", "<annotation/>");
  CHECK(folder.error() ==
        (folder / "annotations.xml").string() +
            ":1: is no annotation of CVAT; its outermost element is <annotations>: export as CVAT for "
            "images or video");
}

}  // namespace mlrun::data

#endif
