#include "data/image/png_text.h"

#include <zlib.h>

#include <algorithm>
#include <cstdint>

namespace mlrun::data {
namespace {

constexpr std::size_t kMostText = std::size_t{1} << 20;

std::size_t chunk_length(std::string_view bytes, std::size_t at) {
  std::size_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return value;
}

/// What has been inflated where the data end or the limit is reached.
std::string inflated(std::string_view packed) {
  std::string text(kMostText, '\0');
  auto size = static_cast<uLongf>(text.size());
  const auto* in = reinterpret_cast<const Bytef*>(packed.data());
  const int result = ::uncompress(reinterpret_cast<Bytef*>(text.data()), &size, in, static_cast<uLong>(packed.size()));
  text.resize(result == Z_OK || result == Z_BUF_ERROR ? std::min<std::size_t>(size, kMostText) : 0);
  return text;
}

/// Takes what stands before the next zero byte off `text`.
void drop_field(std::string_view& text) { text.remove_prefix(std::min(text.find('\0'), text.size() - 1) + 1); }

/// The text of a chunk behind its keyword and the zero byte.
std::string text_of(std::string_view type, std::string_view rest) {
  if (type == "tEXt") return std::string(rest.substr(0, kMostText));
  if (type == "zTXt") return rest.empty() ? "" : inflated(rest.substr(1));
  if (rest.size() < 2) return "";
  const bool packed = rest[0] != 0;
  rest.remove_prefix(2);
  for (int field = 0; field < 2 && !rest.empty(); ++field) drop_field(rest);  // language, translated keyword
  return packed ? inflated(rest) : std::string(rest.substr(0, kMostText));
}

}  // namespace

std::string png_text(std::string_view bytes, std::string_view keyword) {
  constexpr std::size_t kSignature = 8, kFrame = 12;
  std::size_t at = kSignature;
  while (at + 8 <= bytes.size()) {
    const std::size_t length = chunk_length(bytes, at);
    const std::string_view type = bytes.substr(at + 4, 4), content = bytes.substr(at + 8).substr(0, length);
    if (type == "IEND") break;
    const bool text = type == "tEXt" || type == "zTXt" || type == "iTXt";
    const bool named = content.size() > keyword.size() && content.substr(0, keyword.size()) == keyword;
    if (text && named && content[keyword.size()] == '\0') return text_of(type, content.substr(keyword.size() + 1));
    at += kFrame + length;
  }
  return "";
}

}  // namespace mlrun::data
