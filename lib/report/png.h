#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mlrun::report {

/// An image as PNG (8 bits). `pixels` are
/// rows of `width` * `channels` bytes without gaps; `channels` is 1 (grey) or 3 (red, green, blue).
std::string png(const std::uint8_t* pixels, std::int64_t width, std::int64_t height, std::int64_t channels);

/// The same with a palette: `pixels` are places in it, [height][width], `palette` red, green and blue of each place, at
/// most 256.
std::string palette_png(const std::uint8_t* pixels, std::int64_t width, std::int64_t height, std::string_view palette);

/// `data:TYPE;base64,...`, for an image inside a page.
std::string data_uri(std::string_view type, std::string_view bytes);

}  // namespace mlrun::report
