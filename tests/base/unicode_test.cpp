#include "base/unicode.h"

#include "catch.h"

namespace mlrun {

TEST_CASE("text that is UTF-8 is told from bytes that are none", "[unicode]") {
  for (const std::string text : {"", "abc", "caf\xC3\xA9", "\xED\x95\x9C", "\xF0\x9F\x90\xB1"}) {
    INFO(text);
    CHECK(is_utf8(text));
    CHECK_FALSE(is_utf8(text + "\xE9"));
    CHECK_FALSE(is_utf8("\xC3" + text));
  }
  for (const std::string text :
       {"\x80", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x9F\x90"}) {
    CHECK_FALSE(is_utf8(text));
  }
  CHECK(has_control("a\nb"));
  CHECK(has_control(std::string("\0", 1)));
  CHECK(has_control("\x7F"));
  CHECK_FALSE(has_control("caf\xC3\xA9 1"));
}

TEST_CASE("letters and marks that stand apart are composed", "[unicode]") {
  CHECK(composed("cafe\xCC\x81") == "caf\xC3\xA9");                           // é
  CHECK(composed("A\xCC\x8A") == "\xC3\x85");                                 // Å
  CHECK(composed("e\xCC\xA3\xCC\x82") == "\xE1\xBB\x87");                     // ệ, with two marks
  CHECK(composed("\xE3\x81\x8B\xE3\x82\x99") == "\xE3\x81\x8C");              // が
  CHECK(composed("\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB") == "\xED\x95\x9C");  // 한
  CHECK(composed("\xE1\x84\x92\xE1\x85\xA1") == "\xED\x95\x98");              // 하
  for (const std::string text :
       {"", "plain", "caf\xC3\xA9", "\xCC\x81", "x\xCC\x81y", "\xF0\x9F\x90\xB1", "e\xE9\x80"}) {
    CHECK(composed(text) == text);
  }
}

TEST_CASE("names that people cannot tell apart have one look", "[unicode]") {
  const std::string cafe = look_of("caf\xC3\xA9");
  for (const std::string text :
       {"cafe\xCC\x81", "Cafe\xCC\x81", "CAF\xC3\x89", " caf\xC3\xA9", "caf\xC3\xA9\xC2\xA0", "caf\xC3\xA9\xE2\x80\x8B",
        "\xEF\xBB\xBF"
        "caf\xC3\xA9\t"}) {
    CHECK(look_of(text) == cafe);
  }
  CHECK(look_of("a  b") == look_of("A b"));
  CHECK(look_of("\xD0\x96\xCE\xA3\xC5\xA0") == look_of("\xD0\xB6\xCF\x83\xC5\xA1"));  // ЖΣŠ
  for (const std::string text : {"cafe", "caf\xC3\xA8", "ca f\xC3\xA9",
                                 "\xC3\xA9"
                                 "caf"})
    CHECK(look_of(text) != cafe);
}

}  // namespace mlrun
