#pragma once

#include <string>
#include <string_view>

namespace mlrun::data {

/// How the pixels lie in a file, where a decoder that makes plain RGB of all would not come to Pillow's values.
enum class StoredPixels {
  Plain,
  DeepGrey,        ///< 16 bits of grey, which Pillow clips
  DeepColour,      ///< 16 bits of red, green and blue, of which Pillow keeps the upper 8
  Cmyk,            ///< four inks
  Premultiplied,   ///< colours that were multiplied with their opacity
  FiveBits,        ///< 5 bits of each colour
  FiveSixFiveBits  ///< 5, 6 and 5 bits of red, green and blue
};

struct ImageLayout {
  StoredPixels pixels = StoredPixels::Plain;
  int orientation = 1;  ///< in which the decoded pixels must still be turned, `exif` or not (TIFF)
  std::string bytes{};  ///< the file with tags changed so that it is decoded as it is stored; empty: as it is
};

/// Looks at an image file of the kinds PNG, TIFF, BMP and WebP. UserError that names `name` for what has no values in
/// Pillow, or would not get them here: what it is, and what to do.
ImageLayout layout_of(std::string_view bytes, const std::string& name);

/// The same for each of the kinds; empty bytes and no directory are left to the decoder.
ImageLayout tiff_layout(std::string_view bytes, const std::string& name);
ImageLayout bmp_layout(std::string_view bytes, const std::string& name);

}  // namespace mlrun::data
