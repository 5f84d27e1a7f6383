#pragma once

#include <string>
#include <string_view>

namespace mlrun::data {

/// What kind of image file these bytes begin: `JPEG RGB`, `JPEG grey`, `JPEG CMYK`, `PNG palette`,
/// `PNG RGBA`, `PNG grey 16 bit`, `WebP`, `TIFF`, `BMP`, `PNM`, `GIF`; `unknown` for anything else.
std::string image_kind(std::string_view bytes);

/// What these bytes are where they are an image of a kind that is not read, or something that often lies where an image
/// should.
struct ForeignKind {
  std::string name{};  ///< `a GIF image`; empty: nothing is known
  std::string hint{};
};
ForeignKind foreign_kind(std::string_view bytes);

/// UserError that names `name` and says what it is, unless the bytes begin as an image of a kind that is read.
void refuse_foreign(std::string_view bytes, const std::string& name);

}  // namespace mlrun::data
