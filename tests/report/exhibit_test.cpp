#include "report/exhibit.h"

#include "support.h"

namespace mlrun::report {

TEST_CASE("an exhibit is had in the forms that it has", "[report]") {
  Table table({{"class", Align::Left}, {"samples"}});
  table.add({"cat", "3"});
  const Exhibit rows{"per_class", "", table};
  CHECK(exhibit_text(rows) == table.text());
  CHECK(exhibit_csv(rows) == "class,samples\ncat,3\n");
  CHECK(exhibit_html(rows) == table.html());
  CHECK(exhibit_svg(rows).empty());
  CHECK(exhibit_html({"per_class", "A < B", table}) == "<div><h3>A &lt; B</h3>\n" + table.html() + "</div>\n");

  const Exhibit bins{"calibration", "Trust", Bins{{0, 50, 4, 40, 25}}};
  CHECK(exhibit_svg(bins).rfind("<svg", 0) == 0);
  CHECK(exhibit_svg(bins).find("Trust") != std::string::npos);
  CHECK(exhibit_html(bins) == "<div>" + exhibit_svg(bins) + "</div>\n");
  CHECK(exhibit_text(bins) + exhibit_csv(bins) == "");

  const Exhibit chart{"course", "", LineChart{"x", "a", "b", false, {{"", {0, 1}, {2, 3}, false}}}};
  CHECK(exhibit_svg(chart).rfind("<svg", 0) == 0);

  const Exhibit remark{"accuracy", "", Remark{"acc1", "95 % interval 1.00 to 2.00"}};
  CHECK(exhibit_text(remark) + exhibit_csv(remark) + exhibit_svg(remark) + exhibit_html(remark) == "");
  CHECK(exhibit_html({"note", "", Markup{"<p>x</p>\n"}}) == "<p>x</p>\n");
  CHECK(exhibit_html({"faces", "", Thumbnails{{"data:,", {"cat"}}}}).find("<figure>") != std::string::npos);
}

TEST_CASE("a matrix of many classes is a file alone", "[report]") {
  const auto matrix = [](std::size_t classes) {
    Confusion confusion{std::vector<std::string>(classes, "c"), {}};
    confusion.counts.assign(classes, std::vector<std::int64_t>(classes, 1));
    return Exhibit{"confusion", "", confusion};
  };
  CHECK_FALSE(exhibit_text(matrix(30)).empty());
  CHECK(exhibit_html(matrix(30)).find("<table") != std::string::npos);
  CHECK(exhibit_text(matrix(31)) + exhibit_html(matrix(31)) == "");
  const std::string csv = exhibit_csv(matrix(31));
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 32);
}

TEST_CASE("a section has its note above its exhibits", "[report]") {
  Section section{"T", "Mind <this>.", {{"a", "", Markup{"<i>1</i>"}}, {"b", "", Markup{"<i>2</i>"}}}};
  CHECK(section_body(section, "<b/>") == "<b/><p>Mind &lt;this&gt;.</p>\n<i>1</i><i>2</i>");
  section.beside = true;
  section.note.clear();
  CHECK(section_body(section) == html_side_by_side({"<i>1</i>", "<i>2</i>"}));
}

}  // namespace mlrun::report
