#include "data/class_colours.h"

#include <set>

#include "support.h"

namespace mlrun::data {

TEST_CASE("colours are read as they are written in recipes", "[data][segmentation]") {
  CHECK((parse_colour("#804080") == Colour{128, 64, 128}));
  CHECK((parse_colour("#fFaA00") == Colour{255, 170, 0}));
  CHECK((parse_colour("128 64 128") == Colour{128, 64, 128}));
  CHECK((parse_colour("0,0, 255 ") == Colour{0, 0, 255}));
  for (const char* text : {"", "#", "#80408", "#8040801", "#80408g", "#+04080", "1 2", "1 2 3 4", "1 2 256", "-1 2 3",
                           "1 2 3x", "1;2;3", "red"}) {
    INFO(text);
    CHECK_FALSE(parse_colour(text));
  }
}

TEST_CASE("VOC's colours are those of its palette, and no two are equal", "[data][segmentation]") {
  const auto colours = voc_colours(256);
  CHECK((colours[0] == Colour{0, 0, 0}));
  CHECK((colours[1] == Colour{128, 0, 0}));
  CHECK((colours[15] == Colour{192, 128, 128}));
  CHECK((colours[20] == Colour{0, 64, 128}));
  CHECK((colours[255] == Colour{224, 224, 192}));
  CHECK(std::set<Colour>(colours.begin(), colours.end()).size() == 256);
}

TEST_CASE("data keep the colours of their classes among their facts", "[data][segmentation]") {
  DataInfo info;
  info.classes = {"a", "b"};
  CHECK((class_colours(info) == voc_colours(2)));
  set_class_colours(info, {{1, 2, 3}, {255, 0, 7}});
  CHECK(json_text(info.facts) == R"({"palette":[[1,2,3],[255,0,7]]})");
  CHECK((class_colours(info) == std::vector<Colour>{{1, 2, 3}, {255, 0, 7}}));
  const std::string palette = mask_palette(info);
  REQUIRE(palette.size() == 768);
  CHECK(palette.substr(0, 9) == std::string("\1\2\3\xFF\0\7\0\x80\0", 9));
  for (const char* damaged : {R"({"palette":7})", R"({"palette":[[1,2,3]]})", R"({"palette":[[1,2],[1,2,300]]})"}) {
    INFO(damaged);
    info.facts = Json::parse(damaged);
    CHECK((class_colours(info) == voc_colours(2)));
  }
}

}  // namespace mlrun::data
