#include "report/exhibit.h"

#include "report/confusion_html.h"
#include "report/format.h"
#include "report/markup.h"

namespace mlrun::report {
namespace {

constexpr std::size_t kMostInMatrix = 30;  // classes

bool narrow(const Confusion& confusion) { return confusion.classes.size() <= kMostInMatrix; }

/// One function for each form; what a form lacks is empty.
struct AsText {
  std::string operator()(const Table& table) const { return table.text(); }
  std::string operator()(const Confusion& confusion) const {
    return narrow(confusion) ? confusion_text(confusion) : "";
  }
  template <class Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

struct AsCsv {
  std::string operator()(const Table& table) const { return table.csv(); }
  std::string operator()(const Confusion& confusion) const { return confusion_csv(confusion); }
  template <class Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

struct AsSvg {
  const std::string& title;
  std::string operator()(const Bins& bins) const { return reliability_svg(title, bins); }
  std::string operator()(const LineChart& chart) const { return svg(chart); }
  template <class Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

struct AsHtml {
  std::string operator()(const Table& table) const { return table.html(); }
  std::string operator()(const Confusion& confusion) const {
    return narrow(confusion) ? confusion_heat_map(confusion) : "";
  }
  std::string operator()(const Thumbnails& thumbnails) const { return html_thumbnails(thumbnails); }
  std::string operator()(const Markup& markup) const { return markup.html; }
  template <class Other>
  std::string operator()(const Other&) const {
    return "";
  }
};

}  // namespace

std::string exhibit_text(const Exhibit& exhibit) { return std::visit(AsText{}, exhibit.content); }

std::string exhibit_csv(const Exhibit& exhibit) { return std::visit(AsCsv{}, exhibit.content); }

std::string exhibit_svg(const Exhibit& exhibit) { return std::visit(AsSvg{exhibit.title}, exhibit.content); }

std::string exhibit_html(const Exhibit& exhibit) {
  if (const std::string picture = exhibit_svg(exhibit); !picture.empty()) return "<div>" + picture + "</div>\n";
  const std::string html = std::visit(AsHtml{}, exhibit.content);
  if (exhibit.title.empty() || html.empty()) return html;
  return "<div><h3>" + escaped_markup(exhibit.title) + "</h3>\n" + html + "</div>\n";
}

Exhibit confused_pairs_exhibit(const Confusion& confusion, std::size_t most) {
  Table table({{"true class", Align::Left}, {"taken for", Align::Left}, {confusion.unit}, {"share"}});
  for (const auto& pair : confused_pairs(confusion, most)) {
    table.add(
        {confusion.classes[pair.truth], confusion.classes[pair.predicted], grouped(pair.count), percent(pair.share)});
  }
  const std::string one = confusion.unit.substr(0, confusion.unit.size() - 1);
  Exhibit exhibit{"confused_pairs", "Most confused",
                  Markup{html_paragraph("No " + one + " was taken for another class.")}};
  if (table.rows() > 0) exhibit.content = table;
  return exhibit;
}

std::string section_body(const Section& section, const std::string& first) {
  std::string html = first + (section.note.empty() ? "" : html_paragraph(section.note));
  std::vector<std::string> parts;
  for (const auto& exhibit : section.exhibits) parts.push_back(exhibit_html(exhibit));
  if (section.beside) return html + html_side_by_side(parts);
  for (const auto& part : parts) html += part;
  return html;
}

}  // namespace mlrun::report
