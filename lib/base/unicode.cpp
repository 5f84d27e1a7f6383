#include "base/unicode.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <utility>

#include "base/printable.h"

namespace mlrun {
namespace {

struct UnicodePair {
  std::uint16_t first, second, both;
};

constexpr UnicodePair kUnicodePairs[] = {
#include "base/unicode_pairs.inc"
};

constexpr char32_t kNoCode = 0x110000;  // and the byte that is no UTF-8

/// Code points; a byte that belongs to none as kNoCode and the byte.
std::u32string code_points(std::string_view text) {
  std::u32string codes;
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto lead = static_cast<unsigned char>(text[0]);
    char32_t code = length == 0 ? kNoCode + lead : length == 1 ? lead : lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) code = code << 6 | (static_cast<unsigned char>(text[i]) & 0x3FU);
    codes += code;
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return codes;
}

std::string utf8_text(const std::u32string& codes) {
  std::string text;
  for (const char32_t code : codes) {
    const auto rest = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3F)); };
    if (code >= kNoCode) text += static_cast<char>(code - kNoCode);
    else if (code < 0x80) text += static_cast<char>(code);
    else if (code < 0x800) text += {static_cast<char>(0xC0 | code >> 6), rest(0)};
    else if (code < 0x10000) text += {static_cast<char>(0xE0 | code >> 12), rest(6), rest(0)};
    else text += {static_cast<char>(0xF0 | code >> 18), rest(12), rest(6), rest(0)};
  }
  return text;
}

/// Syllables of Hangul follow from the numbers of their parts (Unicode 3.12).
char32_t composed_hangul(char32_t first, char32_t second) {
  constexpr char32_t kSyllables = 0xAC00, kLead = 0x1100, kVowel = 0x1161, kTail = 0x11A7;
  constexpr char32_t kLeads = 19, kVowels = 21, kTails = 28;
  if (first >= kLead && first < kLead + kLeads && second >= kVowel && second < kVowel + kVowels) {
    return kSyllables + ((first - kLead) * kVowels + (second - kVowel)) * kTails;
  }
  const bool open =
      first >= kSyllables && first < kSyllables + kLeads * kVowels * kTails && (first - kSyllables) % kTails == 0;
  return open && second > kTail && second < kTail + kTails ? first + (second - kTail) : 0;
}

/// The one code point that stands for two, or 0.
char32_t composed_pair(char32_t first, char32_t second) {
  if (const char32_t hangul = composed_hangul(first, second)) return hangul;
  if (first > 0xFFFF || second > 0xFFFF || second < 0x300) return 0;
  const auto before = [](const UnicodePair& pair, std::pair<char32_t, char32_t> wanted) {
    return std::pair<char32_t, char32_t>(pair.first, pair.second) < wanted;
  };
  const auto* found =
      std::lower_bound(std::begin(kUnicodePairs), std::end(kUnicodePairs), std::pair(first, second), before);
  return found != std::end(kUnicodePairs) && found->first == first && found->second == second ? found->both : 0;
}

std::u32string composed_codes(std::string_view text) {
  std::u32string codes;
  for (const char32_t code : code_points(text)) {
    const char32_t both = codes.empty() ? 0 : composed_pair(codes.back(), code);
    if (both != 0) codes.back() = both;
    else codes += code;
  }
  return codes;
}

char32_t lower_case(char32_t c) {
  const bool latin = (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7);
  const bool greek = c >= 0x391 && c <= 0x3A9, cyrillic = c >= 0x410 && c <= 0x42F;
  if (latin || greek || cyrillic) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  const bool pairs = (c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177);  // even: upper case
  return pairs && c % 2 == 0 ? c + 1 : c;
}

bool blank_code(char32_t c) {
  return c == ' ' || (c >= 9 && c <= 13) || c == 0xA0 || (c >= 0x2000 && c <= 0x200A) || c == 0x202F || c == 0x3000;
}

bool invisible_code(char32_t c) { return c == 0xAD || (c >= 0x200B && c <= 0x200F) || c == 0x2060 || c == 0xFEFF; }

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; });
}

std::string composed(std::string_view text) { return utf8_text(composed_codes(text)); }

std::string look_of(std::string_view text) {
  std::u32string look;
  bool gap = false;
  for (const char32_t code : composed_codes(text)) {
    if (invisible_code(code)) continue;
    if (!blank_code(code)) {
      if (gap && !look.empty()) look += U' ';
      look += lower_case(code);
    }
    gap = blank_code(code);
  }
  return utf8_text(look);
}

}  // namespace mlrun
