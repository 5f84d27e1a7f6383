#include "report/html.h"

#include <map>

#include "report/markup.h"

namespace mlrun::report {
namespace {

constexpr const char* kPageStyle = R"(
:root{color-scheme:light dark;--paper:#fff;--ink:#1f2328;--soft:#59636e;--line:#d8dee4;--panel:#f6f8fa;--good:#1a7f37;--bad:#b3261e;--odd:#8a5a00}
@media (prefers-color-scheme:dark){:root{--paper:#161b22;--ink:#e6edf3;--soft:#9198a1;--line:#30363d;--panel:#1f262e;--good:#4ac26b;--bad:#ff8a80;--odd:#e3b341}}
*{box-sizing:border-box}
body{margin:0 auto;padding:24px;max-width:1180px;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
h1{font-size:26px;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:19px;margin:36px 0 10px;padding-bottom:4px;border-bottom:1px solid var(--line)}
h3{font-size:15px;margin:18px 0 6px}
p{margin:6px 0}.soft,footer{color:var(--soft)}footer{margin-top:40px;font-size:13px}
.badge{display:inline-block;padding:0 8px;border:1px solid currentColor;border-radius:10px;font-size:13px;font-weight:600;white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.odd{color:var(--odd)}
.notice{border-left:4px solid var(--odd);background:var(--panel);padding:8px 12px;overflow-wrap:anywhere}
.cards{display:flex;flex-wrap:wrap;gap:12px;margin:16px 0}
.card{background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:8px 16px;min-width:128px}
.card b{display:block;font-size:24px;line-height:1.3;font-variant-numeric:tabular-nums}
.card span{display:block;color:var(--soft);font-size:13px}
.wide{overflow-x:auto;margin:10px 0}
table{border-collapse:collapse;font-size:14px;font-variant-numeric:tabular-nums}
th,td{padding:3px 10px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{color:var(--soft);font-weight:600;white-space:nowrap}
td.r,th.r{text-align:right;white-space:nowrap}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:8px 0;font-size:14px}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
.beside{display:flex;flex-wrap:wrap;gap:16px;align-items:flex-start}
.beside>*{flex:1 1 460px;min-width:0;max-width:100%}
svg{max-width:100%;height:auto;display:block}
.beside>svg{max-width:640px}
pre{background:var(--panel);border:1px solid var(--line);border-radius:6px;padding:12px;overflow-x:auto;font-size:13px;line-height:1.4}
summary{cursor:pointer;color:var(--soft)}
.thumbs{display:flex;flex-wrap:wrap;gap:12px;margin:10px 0}
figure{margin:0;width:116px;font-size:12px;line-height:1.35;break-inside:avoid}
figure img{width:112px;height:112px;object-fit:contain;background:var(--panel);border:1px solid var(--line);image-rendering:pixelated}
.broad{width:404px}.broad img{width:400px;height:auto;max-height:400px;image-rendering:auto}
figcaption span{display:block;overflow-wrap:anywhere}figcaption span:last-child:not(:first-child){color:var(--soft)}
.heat{border-collapse:separate;border-spacing:1px;font-size:12px}
.heat th,.heat td{border:0;padding:2px 5px;text-align:right}
.heat td{min-width:32px;background:rgba(0,114,178,var(--a));print-color-adjust:exact;-webkit-print-color-adjust:exact}
.heat td.wrong{background:rgba(213,94,0,var(--a))}.heat td.full{color:#fff}.heat th.row{text-align:right;max-width:180px;white-space:normal}
@media print{body{max-width:none;padding:0;font-size:12px}h2,h3{break-after:avoid}svg,table,.card{break-inside:avoid}
:root{--paper:#fff;--ink:#000;--soft:#444;--line:#bbb;--panel:#f4f4f4;--good:#1a7f37;--bad:#b3261e;--odd:#8a5a00}
details>*{display:block}details::details-content{content-visibility:visible;display:block;height:auto}pre{white-space:pre-wrap}}
)";

const char* badge_class(const std::string& text) {
  static const std::map<std::string, const char*> classes = {
      {"met", "good"},  {"finished", "good"}, {"differs", "bad"},     {"failed", "bad"}, {"damaged", "bad"},
      {"stale", "odd"}, {"running", "odd"},   {"interrupted", "odd"}, {"newer", "odd"}};
  const auto found = classes.find(text);
  return found == classes.end() ? "soft" : found->second;
}

}  // namespace

std::string html_page(const std::string& title_text, const std::string& body_html) {
  return "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
         escaped_markup(title_text) + "</title>\n<style>" + kPageStyle + "</style>\n</head>\n<body>\n" + body_html +
         "</body>\n</html>\n";
}

std::string html_section(const std::string& title_text, const std::string& html) {
  if (html.empty()) return "";
  return "<section>\n<h2>" + escaped_markup(title_text) + "</h2>\n" + html + "</section>\n";
}

std::string html_paragraph(const std::string& text) { return "<p>" + escaped_markup(text) + "</p>\n"; }

std::string html_notice(const std::string& text) { return "<p class=\"notice\">" + escaped_markup(text) + "</p>\n"; }

std::string html_badge(const std::string& text) {
  return "<span class=\"badge " + std::string(badge_class(text)) + "\">" + escaped_markup(text) + "</span>";
}

std::string html_facts(const std::vector<std::pair<std::string, std::string>>& facts) {
  std::string rows;
  for (const auto& [name, value] : facts) {
    if (!value.empty()) rows += "<dt>" + escaped_markup(name) + "</dt><dd>" + escaped_markup(value) + "</dd>\n";
  }
  return rows.empty() ? "" : "<dl>\n" + rows + "</dl>\n";
}

std::string html_cards(const std::vector<Card>& cards) {
  std::string out;
  for (const Card& card : cards) {
    out += "<div class=\"card\"><span>" + escaped_markup(card.name) + "</span><b>" + escaped_markup(card.value) +
           "</b>" + (card.note.empty() ? "" : "<span>" + escaped_markup(card.note) + "</span>") + "</div>\n";
  }
  return out.empty() ? "" : "<div class=\"cards\">\n" + out + "</div>\n";
}

std::string html_side_by_side(const std::vector<std::string>& htmls) {
  std::string out;
  for (const auto& html : htmls) out += html;
  return out.empty() ? "" : "<div class=\"beside\">\n" + out + "</div>\n";
}

std::string html_folded(const std::string& summary_text, const std::string& text) {
  return "<details><summary>" + escaped_markup(summary_text) + "</summary><pre>" + escaped_markup(text) +
         "</pre></details>\n";
}

std::string html_thumbnails(const std::vector<Thumbnail>& thumbnails) {
  std::string out;
  for (const Thumbnail& thumbnail : thumbnails) {
    std::string lines, spoken;
    for (const auto& line : thumbnail.lines) {
      lines += "<span>" + escaped_markup(line) + "</span>";
      spoken += (spoken.empty() ? "" : ", ") + line;
    }
    out += std::string(thumbnail.wide ? "<figure class=\"broad\">" : "<figure>") + "<img" +
           attribute("src", thumbnail.uri) + attribute("alt", spoken) + "/><figcaption>" + lines +
           "</figcaption></figure>\n";
  }
  return out.empty() ? "" : "<div class=\"thumbs\">\n" + out + "</div>\n";
}

}  // namespace mlrun::report
