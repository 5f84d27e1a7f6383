#pragma once

#include <string>
#include <string_view>

namespace mlrun::data {

/// What kind of image file these bytes begin: `JPEG RGB`, `JPEG grey`, `JPEG CMYK`, `PNG palette`,
/// `PNG RGBA`, `PNG grey 16 bit`, `WebP`, `TIFF`, `BMP`, `PNM`, `GIF`; `unknown` for anything else.
std::string image_kind(std::string_view bytes);

}  // namespace mlrun::data
