#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

/// Colours that stand for the classes of masks.
namespace mlrun::data {

/// The value of a mask where the pixel counts for nothing.
constexpr std::uint8_t kIgnored = 255;

/// Red, green, blue.
using Colour = std::array<std::uint8_t, 3>;

/// `#804080` or `128 64 128`, commas allowed; nothing where the text is neither.
std::optional<Colour> parse_colour(std::string_view text);

/// The colours that PASCAL VOC's masks have: bits of the class's number, the lowest three in the highest places.
std::vector<Colour> voc_colours(std::size_t count);

/// The 19 colours of Cityscapes' classes, in the order of their trainIds.
const std::vector<Colour>& cityscapes_colours();

}  // namespace mlrun::data
