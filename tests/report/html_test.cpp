#include "report/html.h"

#include "report/confusion_html.h"
#include "report/table.h"
#include "support.h"
#include "well_formed.h"

using namespace mlrun::report;
using mlrun::test::markup_fault;
using mlrun::test::web_addresses;

namespace {

const std::string kHostile = "</title><script>alert('1')</script> & \"x\"";

}  // namespace

TEST_CASE("whatever users write, a page stays well formed and harmless", "[report]") {
  Table table({{kHostile}, {"n"}});
  table.add({kHostile, "1"});
  std::string body = html_section(kHostile, html_paragraph(kHostile) + html_notice(kHostile) + html_badge(kHostile));
  body += html_facts({{kHostile, kHostile}, {"empty", ""}}) + html_cards({{kHostile, kHostile, kHostile}});
  body += html_folded(kHostile, kHostile) + html_thumbnails({{"data:image/png;base64,AA==", {kHostile, "b"}}});
  body += html_side_by_side({table.html()}) + confusion_heat_map({{kHostile, "b"}, {{1, 2}, {3, 4}}});
  const std::string page = html_page(kHostile, body);
  CHECK(markup_fault(page) == "");
  CHECK(web_addresses(page).empty());
  CHECK(page.find("<script") == std::string::npos);
  CHECK(page.find("empty") == std::string::npos);  // a fact without a value is not told
  CHECK(page.rfind("<!DOCTYPE html>", 0) == 0);
}

TEST_CASE("nothing makes no section", "[report]") {
  CHECK(html_section("title", "").empty());
  CHECK(html_facts({{"a", ""}}).empty());
  CHECK(html_cards({}).empty());
  CHECK(html_thumbnails({}).empty());
}

TEST_CASE("a table's numbers stand on the right in HTML", "[report]") {
  Table table({{"name"}, {"acc1"}});
  table.add({"a", "91.5"});
  CHECK(table.html() ==
        "<div class=\"wide\"><table>\n<thead><tr><th>name</th><th class=\"r\">acc1</th></tr></thead>\n<tbody>\n"
        "<tr><td>a</td><td class=\"r\">91.5</td></tr>\n</tbody>\n</table></div>\n");
}

TEST_CASE("the most confused pairs come first", "[report]") {
  const Confusion confusion{{"a", "b", "c"}, {{5, 3, 2}, {3, 7, 0}, {0, 9, 1}}};
  const auto pairs = confused_pairs(confusion, 3);
  REQUIRE(pairs.size() == 3);
  CHECK((pairs[0].truth == 2 && pairs[0].predicted == 1 && pairs[0].count == 9));
  CHECK(pairs[0].share == Approx(0.9));
  CHECK((pairs[1].truth == 0 && pairs[1].predicted == 1 && pairs[1].share == Approx(0.3)));
  CHECK((pairs[2].truth == 1 && pairs[2].predicted == 0));
  CHECK(confused_pairs({{"a"}, {{4}}}, 3).empty());
  const std::string map = confusion_heat_map(confusion);
  CHECK(map.find("title=\"c taken for b: 9 (90.00 %)\"") != std::string::npos);
  CHECK(map.find("<th>50.00 %</th>") != std::string::npos);
}
