#include "data/sources/labelled_list.h"

#include "support.h"

namespace mlrun::data {
namespace {

LabelledList read_csv(const std::string& text, const std::optional<std::string>& group = {}) {
  return read_label_csv(text, "l.csv", group);
}

std::string csv_problem(const std::string& text, const std::optional<std::string>& group = {}) {
  return test::user_error([&] { read_csv(text, group); });
}

std::string line_problem(const std::string& text) {
  return test::user_error([&] { read_label_lines(text, "l.txt"); });
}

std::vector<std::string> classes_of(const std::vector<std::string>& labels) {
  LabelledList list;
  for (const auto& label : labels) list.entries.push_back({"p", label, "", Split::Train, 1});
  return class_order(list);
}

}  // namespace

TEST_CASE("a label file's columns stand in any order, its entries are sorted", "[data][labelled_list]") {
  const auto list =
      read_csv("who,label,path,split\np2,dog,x/../b.jpg,val\np1,cat,./a.jpg,train\np3,cat,c.jpg,test\n", "who");
  REQUIRE(list.has_split);
  REQUIRE(list.entries.size() == 3);
  REQUIRE(list.entries[0].path == "a.jpg");
  REQUIRE(list.entries[0].line == 3);
  REQUIRE(list.entries[1].path == "b.jpg");
  REQUIRE(list.entries[1].label == "dog");
  REQUIRE(list.entries[1].split == Split::Val);
  REQUIRE(list.entries[1].group == "p2");
  REQUIRE(list.entries[2].split == Split::Test);
  REQUIRE_FALSE(read_csv("path,label\na,b\n").has_split);
}

TEST_CASE("classes are in code point order, but numbers 0..N-1 in theirs", "[data][labelled_list]") {
  REQUIRE(classes_of({"b", "a", "B", "b"}) == std::vector<std::string>{"B", "a", "b"});
  REQUIRE(classes_of({"10", "9", "8", "7", "6", "5", "4", "3", "2", "1", "0"}) ==
          std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10"});
  REQUIRE(classes_of({"10", "9", "1"}) == std::vector<std::string>{"1", "10", "9"});
  REQUIRE(classes_of({"00", "1"}) == std::vector<std::string>{"00", "1"});
}

TEST_CASE("problems of a label file are told together with their lines", "[data][labelled_list]") {
  REQUIRE(
      csv_problem(
          "path,label,split,who\n,a,train,1\nb,,train,1\nc,a,later,1\nd,a,train,\ne,a,train\nf,a,val,2\nf,b,val,2\n",
          "who") ==
      "l.csv:2: the path is empty; name the image, relative to this file\n"
      "l.csv:3: the label is empty; name the class, or remove the row\n"
      "l.csv:4: there is no split 'later'; write train, val or test\n"
      "l.csv:5: the group is empty; data.split.group needs one for every sample\n"
      "l.csv:6: has 3 cells where the header has 4; cells that hold commas must be in quotes\n"
      "l.csv:8: 'f' stands here and in line 7, with another label; remove one of the two");
  std::string many = "path,label\n";
  for (int i = 0; i < 30; ++i) many += "p,\n";
  const std::string text = csv_problem(many);
  REQUIRE(text.find("l.csv:21: ") != std::string::npos);
  REQUIRE(text.find("l.csv:22: ") == std::string::npos);
  REQUIRE(text.substr(text.rfind('\n') + 1) == "l.csv: there are 39 more problems");
}

TEST_CASE("headers that do not fit are refused", "[data][labelled_list]") {
  REQUIRE(csv_problem("") == "l.csv: is empty; begin it with the line path,label");
  REQUIRE(csv_problem("path,label\n") == "l.csv: names no images; add a row for each image");
  REQUIRE(csv_problem("file,label\na,b\n") ==
          "l.csv:1: the header has no column 'path'; it names file, label; begin the file with the line path,label or "
          "path,label,split");
  REQUIRE(csv_problem("path,Label\na,b\n").find("l.csv:1: the header has no column 'label'; it names path, Label") ==
          0);
  REQUIRE(csv_problem("path,label,path\na,b,c\n") == "l.csv:1: two columns are named 'path'; rename one of them");
  REQUIRE(csv_problem("path,label,patient\na,b,c\n", "patent") ==
          "data.split.group: there is no column 'patent' in l.csv, which has path, label, patient; did you mean "
          "patient?");
}

TEST_CASE("label lines hold a name and a label", "[data][labelled_list]") {
  const auto list = read_label_lines(
      "\xEF\xBB\xBF"
      "b.jpg dog\r\n\n  my cat.jpg   cat \nz.jpg\tsea lion\n",
      "l.txt");
  REQUIRE(list.entries.size() == 3);
  REQUIRE(list.entries[0].path == "b.jpg");
  REQUIRE(list.entries[0].label == "dog");
  REQUIRE(list.entries[1].path == "my cat.jpg");
  REQUIRE(list.entries[1].label == "cat");
  REQUIRE(list.entries[1].line == 3);
  REQUIRE(list.entries[2].label == "sea lion");
  REQUIRE(line_problem("a.jpg\nb.jpg\tx\ty\nc d\nc e\n") ==
          "l.txt:1: 'a.jpg' has no label; write the name, a blank and the label\n"
          "l.txt:2: has more than one tab; write the name, one tab and the label, or use CSV\n"
          "l.txt:4: 'c' stands here and in line 3, with another label; remove one of the two");
  REQUIRE(line_problem("\n \n") == "l.txt: names no images; add a line `name label` for each image");
}

}  // namespace mlrun::data
