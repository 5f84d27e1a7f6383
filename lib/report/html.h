#pragma once

#include <string>
#include <utility>
#include <vector>

/// Pieces of HTML pages that stand alone: style inside, nothing fetched, no scripts. What is called
/// `text` is escaped here; what is called `html` is taken as it is.
namespace mlrun::report {

/// A whole page with its style for light and dark screens and for paper.
std::string html_page(const std::string& title_text, const std::string& body_html);

/// A heading with what belongs to it; nothing where there is nothing.
std::string html_section(const std::string& title_text, const std::string& html);

std::string html_paragraph(const std::string& text);
/// A paragraph that is to be noticed.
std::string html_notice(const std::string& text);

/// A coloured word: `met`, `differs`, `finished`, `failed`, ...
std::string html_badge(const std::string& text);

/// Names and values, one below the other.
std::string html_facts(const std::vector<std::pair<std::string, std::string>>& facts);

/// Large figures beside each other: name, value, and a line below it.
struct Card {
  std::string name, value, note;
};
std::string html_cards(const std::vector<Card>& cards);

/// Charts or tables beside each other where there is room.
std::string html_side_by_side(const std::vector<std::string>& htmls);

/// Preformatted text that opens on a click, and is open on paper.
std::string html_folded(const std::string& summary_text, const std::string& text);

/// A small picture with what is said of it below; `uri` is an image's data URI.
struct Thumbnail {
  std::string uri;
  std::vector<std::string> lines;
  bool wide = false;  ///< several pictures beside each other
};
std::string html_thumbnails(const std::vector<Thumbnail>& thumbnails);

}  // namespace mlrun::report
