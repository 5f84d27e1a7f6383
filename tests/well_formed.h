#pragma once

#include <set>
#include <string>
#include <vector>

namespace mlrun::test {

/// Reads HTML or SVG as strictly as XML is read: what is wrong first, with what follows it; empty where every tag is
/// closed in order, every attribute quoted and every `&` a known reference.
inline std::string markup_fault(const std::string& text) {
  const std::set<std::string> references = {"amp", "lt", "gt", "quot", "#39"};
  std::vector<std::string> open;
  const auto fault = [&text](const std::string& what, std::size_t at) { return what + ": " + text.substr(at, 60); };
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '&') {
      const std::size_t end = text.find(';', at);
      if (end == std::string::npos || references.count(text.substr(at + 1, end - at - 1)) == 0) {
        return fault("unknown reference", at);
      }
    }
    if (text[at] == '>') return fault("bare >", at);
    if (text[at++] != '<') continue;
    if (text.compare(at, 8, "!DOCTYPE") == 0) {
      at = text.find('>', at) + 1;
      continue;
    }
    const bool closing = text[at] == '/';
    if (closing) ++at;
    const std::size_t name_end = text.find_first_of(" />\n", at);
    if (name_end == std::string::npos) return fault("unfinished tag", at);
    const std::string name = text.substr(at, name_end - at);
    at = name_end;
    if (closing) {
      if (open.empty() || open.back() != name) return fault("</" + name + "> closes no open tag", at);
      open.pop_back();
      if (text[at++] != '>') return fault("unfinished closing tag", at - 1);
      continue;
    }
    while (at < text.size() && text[at] == ' ') {
      const std::size_t equals = text.find_first_of("=/> ", ++at);
      if (equals == std::string::npos || text[equals] != '=' || text[equals + 1] != '"') {
        return fault("an attribute without a quoted value", at);
      }
      const std::size_t end = text.find('"', equals + 2);
      if (end == std::string::npos) return fault("an unfinished attribute", at);
      if (text.find('<', equals) < end) return fault("< in an attribute", at);
      at = end + 1;
    }
    const bool empty = text.compare(at, 2, "/>") == 0;
    if (!empty && text[at] != '>') return fault("unfinished tag", at);
    at += empty ? 2 : 1;
    if (empty) continue;
    open.push_back(name);
    if (name == "style") at = text.find("</style>", at);
    if (at == std::string::npos) return "an unfinished style";
  }
  return open.empty() ? "" : "<" + open.back() + "> is never closed";
}

/// Every address of the web in `text` but the SVG namespace.
inline std::vector<std::string> web_addresses(const std::string& text) {
  const std::string svg = "http://www.w3.org/2000/svg\"";
  std::vector<std::string> found;
  for (const char* scheme : {"http://", "https://", "src=\"//", "href=", "url(", "@import", "<script", "<link"}) {
    for (std::size_t at = text.find(scheme); at != std::string::npos; at = text.find(scheme, at + 1)) {
      if (text.compare(at, svg.size(), svg) != 0) found.push_back(text.substr(at, 60));
    }
  }
  return found;
}

}  // namespace mlrun::test
