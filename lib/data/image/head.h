#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace mlrun::data {

/// What an encoded image says of itself before it is decoded.
struct ImageHead {
  std::int64_t width = 0;   ///< 0: not known
  std::int64_t height = 0;  ///< 0: not known
  bool truncated = false;   ///< the bytes end before the image does
  bool deep_grey = false;   ///< a PNG of grey values of 16 bits
};

/// Looks into JPEG (ISO/IEC 10918-1), PNG (ISO/IEC 15948), WebP (RFC 9649), TIFF, BMP, PBM, PGM and PPM; of other
/// formats nothing is known. Whether the bytes end early is known of JPEG, PNG, and PBM, PGM and PPM as bytes.
ImageHead read_image_head(std::string_view bytes);

/// UserError that names `name` where an image has more than 2^28 pixels.
void check_pixel_count(std::int64_t width, std::int64_t height, const std::string& name);

/// UserError where the `bytes` of a whole file cannot hold as many pixels as its head says: decoding would make memory
/// for what is not there. For an image whose pixel count was checked.
void check_pixels_fit(std::string_view bytes, const ImageHead& head, const std::string& name);

}  // namespace mlrun::data
