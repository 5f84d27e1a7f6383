#include "data/sources/csv.h"

#include "support.h"

namespace mlrun::data {
namespace {

using Rows = std::vector<std::vector<std::string>>;

Rows rows_of(const std::string& text) {
  CsvReader reader(text, "f.csv");
  Rows rows;
  std::vector<std::string> cells;
  while (reader.next(cells)) rows.push_back(cells);
  return rows;
}

std::vector<int> lines_of(const std::string& text) {
  CsvReader reader(text, "f.csv");
  std::vector<int> lines;
  std::vector<std::string> cells;
  while (reader.next(cells)) lines.push_back(reader.line());
  return lines;
}

std::string csv_error(const std::string& text) {
  return test::user_error([&] { rows_of(text); });
}

}  // namespace

TEST_CASE("CSV rows end in LF, CRLF, CR or with the file", "[data][csv]") {
  const Rows expected = {{"a", "b"}, {"c", ""}};
  for (const char* text : {"a,b\nc,", "a,b\r\nc,\r\n", "a,b\rc,\r",
                           "\xEF\xBB\xBF"
                           "a,b\nc,\n",
                           "a,b\n\n\r\nc,\n\n"}) {
    CAPTURE(text);
    REQUIRE(rows_of(text) == expected);
  }
  REQUIRE(rows_of("").empty());
  REQUIRE(rows_of("\xEF\xBB\xBF\r\n\n").empty());
  REQUIRE(rows_of(",") == Rows{{"", ""}});
  REQUIRE(rows_of("\"\"") == Rows{{""}});
}

TEST_CASE("quoted cells hold commas, quotes and line breaks", "[data][csv]") {
  REQUIRE(rows_of("\"a,b\",\"say \"\"hi\"\"\",\"two\r\nlines\n\"\r\nx,\"\",z") ==
          Rows{{"a,b", "say \"hi\"", "two\r\nlines\n"}, {"x", "", "z"}});
  REQUIRE(lines_of("a\n\"1\n2\r\n3\r4\"\n\nlast\n") == std::vector<int>{1, 2, 7});
  REQUIRE(rows_of("\"\xC3\xA9t\xC3\xA9\", b ") == Rows{{"\xC3\xA9t\xC3\xA9", " b "}});
}

TEST_CASE("what is no CSV is refused with its line", "[data][csv]") {
  const std::string hint = "; put the whole cell into quotes and double the quotes inside it";
  REQUIRE(csv_error("a,b\nx\"y,z\n") == "f.csv:2: a quote stands inside an unquoted cell" + hint);
  REQUIRE(csv_error("a\n\n\"x\"y,z\n") == "f.csv:3: text follows a closing quote" + hint);
  REQUIRE(csv_error("a\n\"x\n\n\n") ==
          "f.csv:2: a quote is opened here and never closed; close it, or double it where it belongs to the text");
  REQUIRE(csv_error(std::string("a,\0b\n", 5)) == "f.csv: holds zero bytes, so it is no text; save it as UTF-8 text");
  REQUIRE(csv_error(std::string("\xFF\xFE"
                                "a\0",
                                4)) == "f.csv: is UTF-16 text; save it as UTF-8");
  REQUIRE(csv_error(std::string(5000, ',')) == "f.csv:1: the row has more than 4096 cells; is this the right file?");
  REQUIRE(rows_of(std::string(4095, ',')).front().size() == 4096);
}

}  // namespace mlrun::data
