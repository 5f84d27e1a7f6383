#include "base/printable.h"

#include "base/json.h"
#include "support.h"

using namespace mlrun;

TEST_CASE("what people write is shown byte for byte", "[base]") {
  for (const std::string text :
       {"", "plain text, \\ and \"quotes\"", "two\n\tlines", "Zürich 日本 😀 עברית ‌x", "e\u0301"}) {
    CHECK(printable(text) == text);
  }
}

TEST_CASE("what steers a terminal or reorders text is written out", "[base]") {
  CHECK(printable(std::string("\0\x1B[2J\r\a\x7F", 8)) == "\\x00\\x1b[2J\\x0d\\x07\\x7f");
  CHECK(printable("\u0080\u009B31m\u009F\u00A0") == "\\u0080\\u009b31m\\u009f\u00A0");
  CHECK(printable("\u061C\u200E\u200F\u2028\u2029\u202A\u202E\u2066\u2069") ==
        "\\u061c\\u200e\\u200f\\u2028\\u2029\\u202a\\u202e\\u2066\\u2069");
  CHECK(printable("\u200D\u2027\u202F\u2065\u206A") == "\u200D\u2027\u202F\u2065\u206A");  // their neighbours
  CHECK(printable("\uFFFE\uFFFF\uFFFD") == "\\ufffe\\uffff\uFFFD");
}

TEST_CASE("bytes that are no UTF-8 are written out one by one", "[base]") {
  CHECK(printable("\x9B\xFF a\xC3") == "\\x9b\\xff a\\xc3");
  CHECK(printable("\xC0\xAF") == "\\xc0\\xaf");                          // overlong
  CHECK(printable("\xE0\x80\xAF") == "\\xe0\\x80\\xaf");                 // overlong
  CHECK(printable("\xED\xA0\x80") == "\\xed\\xa0\\x80");                 // a surrogate
  CHECK(printable("\xF4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");        // beyond Unicode
  CHECK(printable("\xE2\x80\xE2\x80\xAE") == "\\xe2\\x80\\u202e");       // a cut character before another
  CHECK(printable(printable("\x1B\xFF\u202E")) == "\\x1b\\xff\\u202e");  // once is enough
}

TEST_CASE("a line has no breaks", "[base]") {
  CHECK(printable_line("a\nb\tc\r\nd") == "a b c  d");
  CHECK(printable_line("plain") == "plain");
  CHECK(printable_line("\x1B[A\n") == "\\x1b[A ");
}

TEST_CASE("JSON for a terminal is the same JSON", "[base]") {
  const Json value = {{"k\u202E", "Zürich \u009B31m\x7F \x1B 😀"}};
  const std::string text = printable_json(json_text(value));
  CHECK(text == "{\"k\\u202e\":\"Zürich \\u009b31m\\u007f \\u001b 😀\"}");
  CHECK(parse_json(text) == value);
  const std::string plain = json_text({{"a", "b\nc"}, {"d", {1, 2.5, nullptr}}}, 2);
  CHECK(printable_json(plain) == plain);
}
