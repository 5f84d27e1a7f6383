#include "data/sources/class_table.h"

#include "support.h"

namespace mlrun::data {
namespace {

using test::user_error;

std::string table_error(const std::string& text) {
  return user_error([&] { read_class_table(text, "c.csv"); });
}

}  // namespace

TEST_CASE("a table of classes has names, values and colours", "[data][segmentation]") {
  const ClassTable both =
      read_class_table("value,name,g,r,b\n4,road,64,128,32\n7,\"a, b\",0,0,0\n255,,1,1,1\n", "c.csv");
  CHECK(both.names == std::vector<std::string>{"road", "a, b"});
  CHECK(both.values == std::vector<std::int64_t>{4, 7});
  CHECK((both.colours == std::vector<Colour>{{128, 64, 32}, {0, 0, 0}}));
  CHECK(both.ignored_values == std::vector<std::int64_t>{255});
  CHECK((both.ignored_colours == std::vector<Colour>{{1, 1, 1}}));
  const ClassTable camvid = read_class_table("name, r, g, b\nAnimal,64,128,64\nVoid, 0, 0, 0\n", "c.csv");
  CHECK(camvid.names == std::vector<std::string>{"Animal", "Void"});
  CHECK(camvid.values.empty());
  CHECK((camvid.colours[0] == Colour{64, 128, 64}));
  CHECK(read_class_table("name,value\na,1\n", "c.csv").colours.empty());
}

TEST_CASE("what is wrong with a table of classes is told with its line", "[data][segmentation]") {
  const std::string header = "; the header is name,value or name,r,g,b or name,value,r,g,b";
  CHECK(table_error("") == "c.csv: is empty" + header);
  CHECK(table_error("name,r,g\na,1,2\n") == "c.csv:1: does not name the columns of a table of classes" + header);
  CHECK(table_error("name\na\n") == "c.csv:1: does not name the columns of a table of classes" + header);
  CHECK(table_error("name,value\n") == "c.csv: names no class" + header);
  CHECK(table_error("name,value\na,1\nb,1\na,2\nc,x\nd\n") ==
        "c.csv:3: the value 1 stands there twice; each value is of one class\n"
        "c.csv:4: 'a' stands there twice; give each class a name of its own\n"
        "c.csv:5: 'x' is no value of a mask; values are 0 to 65535\n"
        "c.csv:6: has 1 cells; the header has 2");
  CHECK(table_error("name,r,g,b\na,1,2,3\nb,1,2,3\nc,1,2,256\n") ==
        "c.csv:3: the colour stands there twice; each colour is of one class\n"
        "c.csv:4: '256' is no part of a colour; they are 0 to 255");
}

TEST_CASE("an option names colours, or a known palette", "[data][segmentation]") {
  CHECK(named_colours({}, 3, "k").empty());
  CHECK((named_colours({"voc"}, 3, "k") == voc_colours(3)));
  CHECK((named_colours({"cityscapes"}, 19, "k").back() == Colour{119, 11, 32}));
  CHECK((named_colours({"1 2 3", "#ffffff"}, 2, "k") == std::vector<Colour>{{1, 2, 3}, {255, 255, 255}}));
  const auto error = [](const std::vector<std::string>& texts, std::size_t classes) {
    return user_error([&] { named_colours(texts, classes, "data.palette"); });
  };
  CHECK(error({"cityscapes"}, 3) ==
        "data.palette: cityscapes has 19 classes, and the data have 3; give a colour for each");
  CHECK(error({"red"}, 1) == "data.palette: 'red' is no colour; write \"#804080\" or 128 64 128, or voc alone");
  CHECK(error({"1 2 3"}, 2) ==
        "data.palette: has 1 colours, and there are 2 classes; give one for each class, in the order of data.classes");
  CHECK(error({"1 2 3", "1,2,3"}, 2) == "data.palette: '1,2,3' stands there twice; each class has a colour of its own");
}

}  // namespace mlrun::data
