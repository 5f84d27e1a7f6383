#pragma once

#include <string>
#include <variant>
#include <vector>

#include "report/chart.h"
#include "report/confusion.h"
#include "report/html.h"
#include "report/reliability.h"
#include "report/table.h"

namespace mlrun::report {

/// What stands behind a figure, as `95 % interval 14.19 to 40.19`.
struct Remark {
  std::string figure, text;
};

/// HTML as it is.
struct Markup {
  std::string html;
};

using Bins = std::vector<ReliabilityBin>;
using Thumbnails = std::vector<Thumbnail>;

/// A finding that does not fit into one number. Who shows it need not know what it is: it says in which forms it can be
/// had.
struct Exhibit {
  std::string name;   ///< as options call it: `confusion`
  std::string title;  ///< above it, where one is wanted
  std::variant<Table, Confusion, Bins, LineChart, Thumbnails, Remark, Markup> content;
};

/// For a terminal; empty where it has no such form: pictures, and matrices that are too wide.
std::string exhibit_text(const Exhibit& exhibit);
/// As CSV; empty where it is no table.
std::string exhibit_csv(const Exhibit& exhibit);
/// As a picture; empty where it is none.
std::string exhibit_svg(const Exhibit& exhibit);
/// For a page; empty for remarks, and for matrices that are too wide.
std::string exhibit_html(const Exhibit& exhibit);

/// The classes that were taken for others most often, at most `most` pairs, as a table; a sentence where there are
/// none.
Exhibit confused_pairs_exhibit(const Confusion& confusion, std::size_t most = 15);

/// What stands under one heading of a page.
struct Section {
  std::string title, note;
  std::vector<Exhibit> exhibits;
  bool beside = false;  ///< beside each other where there is room
};

/// All but the heading; `first` comes before everything.
std::string section_body(const Section& section, const std::string& first = "");

}  // namespace mlrun::report
