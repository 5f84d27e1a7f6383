#include "data/colours.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace mlrun::data {
namespace {

/// One number of 0 to 255 in front of `text`, which is removed from it.
std::optional<std::uint8_t> take_number(std::string_view& text, int base) {
  const std::size_t most = base == 16 ? 2 : text.size();
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + std::min(most, text.size()), value, base);
  if (error != std::errc() || value > 255) return {};
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return static_cast<std::uint8_t>(value);
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == ','; }

std::optional<Colour> parse_numbers(std::string_view text) {
  Colour colour{};
  for (auto& part : colour) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    const auto value = take_number(text, 10);
    if (!value || (!text.empty() && !is_blank(text.front()))) return {};
    part = *value;
  }
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text.empty() ? std::optional(colour) : std::nullopt;
}

}  // namespace

std::optional<Colour> parse_colour(std::string_view text) {
  if (text.empty() || text.front() != '#') return parse_numbers(text);
  text.remove_prefix(1);
  if (text.size() != 6 || text.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) return {};
  Colour colour{};
  for (auto& part : colour) part = *take_number(text, 16);
  return colour;
}

std::vector<Colour> voc_colours(std::size_t count) {
  std::vector<Colour> colours(count);
  for (std::size_t label = 0; label < count; ++label) {
    std::size_t rest = label;
    for (unsigned place = 8; rest > 0 && place > 0; rest >>= 3U) {
      --place;
      for (std::size_t c = 0; c < 3; ++c) {
        colours[label][c] = static_cast<std::uint8_t>(colours[label][c] | (rest >> c & 1U) << place);
      }
    }
  }
  return colours;
}

const std::vector<Colour>& cityscapes_colours() {
  static const std::vector<Colour> colours = {{128, 64, 128},  {244, 35, 232},  {70, 70, 70},   {102, 102, 156},
                                              {190, 153, 153}, {153, 153, 153}, {250, 170, 30}, {220, 220, 0},
                                              {107, 142, 35},  {152, 251, 152}, {70, 130, 180}, {220, 20, 60},
                                              {255, 0, 0},     {0, 0, 142},     {0, 0, 70},     {0, 60, 100},
                                              {0, 80, 100},    {0, 0, 230},     {119, 11, 32}};
  return colours;
}

}  // namespace mlrun::data
