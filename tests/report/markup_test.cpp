#include "report/markup.h"

#include "support.h"
#include "well_formed.h"

using namespace mlrun::report;
using mlrun::test::markup_fault;

TEST_CASE("text is escaped for content and attributes", "[report]") {
  CHECK(escaped_markup("a <b> & \"c\" 'd'\t\n") == "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;\t\n");
  CHECK(escaped_markup("Zürich 😀 日本") == "Zürich 😀 日本");
  CHECK(attribute("title", "\"><script>") == " title=\"&quot;&gt;&lt;script&gt;\"");
}

TEST_CASE("what XML does not allow, and what would reorder a page, is written out", "[report]") {
  CHECK(escaped_markup(std::string("a\0b\x1B\x7F", 5)) == "a\\x00b\\x1b\\x7f");
  CHECK(escaped_markup("\xFF\x80 \xC3") == "\\xff\\x80 \\xc3");
  CHECK(escaped_markup("\xEF\xBF\xBF") == "\\uffff");
  CHECK(escaped_markup("a\u202E<b>") == "a\\u202e&lt;b&gt;");
}

TEST_CASE("the tests' own reader finds what is not well formed", "[report]") {
  CHECK(markup_fault("<!DOCTYPE html>\n<p class=\"a\">1 &lt; 2<br/></p>") == "");
  CHECK(markup_fault("<p><b></p></b>") != "");
  CHECK(markup_fault("<p>") == "<p> is never closed");
  CHECK(markup_fault("<p a=b></p>") != "");
  CHECK(markup_fault("a & b") != "");
  CHECK(markup_fault("<p>a > b</p>") != "");
  CHECK(markup_fault("<p title=\"<\"></p>") != "");
}
