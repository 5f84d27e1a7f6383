#include "report/table.h"

#include "support.h"

using namespace mlrun;
using namespace mlrun::report;

namespace {

Table example() {
  Table table({{"model"}, {"acc1"}, {"note", Align::Left}, {"params", Align::Right}});
  table.add({"resnet18", "69.758", "1", "11.7M"});
  table.add({"Größe|x", "-", "a \"b\", c", ""});
  table.add({"数字", "5.1", "two\nlines", "x"});
  return table;
}

}  // namespace

TEST_CASE("a text table aligns its columns", "[report]") {
  CHECK(example().text() ==
        "model       acc1  note       params\n"
        "--------  ------  ---------  ------\n"
        "resnet18  69.758  1           11.7M\n"
        "Größe|x        -  a \"b\", c\n"
        "数字         5.1  two lines       x\n");
}

TEST_CASE("a table is written as Markdown and CSV", "[report]") {
  CHECK(example().markdown() ==
        "| model | acc1 | note | params |\n"
        "|---|---:|---|---:|\n"
        "| resnet18 | 69.758 | 1 | 11.7M |\n"
        "| Größe\\|x | - | a \"b\", c |  |\n"
        "| 数字 | 5.1 | two lines | x |\n");
  CHECK(example().csv() ==
        "model,acc1,note,params\n"
        "resnet18,69.758,1,11.7M\n"
        "Größe|x,-,\"a \"\"b\"\", c\",\n"
        "数字,5.1,\"two\nlines\",x\n");
  CHECK(example().csv() == "model,acc1,note,params\n" + example().csv_rows());
}

TEST_CASE("a column before the others has one cell in every row", "[report]") {
  Table table({{"class"}, {"share"}});
  table.add({"cat", "0.9"});
  table.add({"dog", "0.1"});
  CHECK(table.after("file", "a,b").csv() == "file,class,share\n\"a,b\",cat,0.9\n\"a,b\",dog,0.1\n");
}

TEST_CASE("an empty table has its titles only", "[report]") {
  const Table table({{"a"}, {"bc"}});
  CHECK(table.text() == "a  bc\n-  --\n");
  CHECK(table.csv() == "a,bc\n");
  CHECK(table.rows() == 0);
}

TEST_CASE("a row of another length is a bug", "[report]") {
  Table table({{"a"}, {"b"}});
  CHECK_THROWS_AS(table.add({"1"}), InternalError);
}

TEST_CASE("csv cells are quoted where they must be", "[report]") {
  CHECK(csv_row({"a", "b c", ""}) == "a,b c,\n");
  CHECK(csv_row({"a,b", "c\"d", "e\rf"}) == "\"a,b\",\"c\"\"d\",\"e\rf\"\n");
}

TEST_CASE("numbers are recognised with their units", "[report]") {
  for (const auto* cell : {"0", "12", "-0.5", "+3", ".5", "1.2M", "12.3 MiB", "93.42 %", "1,234", "1:02:03", "1e-08",
                           "nan", "-", "7 img/s"}) {
    INFO(cell);
    CHECK(looks_numeric(cell));
  }
  for (const auto* cell : {"", "a1", ".", "--1", "e5", "3 of 4", "1-2", "2024-01-02", "8 something long", "v1.2"}) {
    INFO(cell);
    CHECK_FALSE(looks_numeric(cell));
  }
}
