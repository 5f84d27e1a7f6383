#pragma once

#include <cstdint>
#include <string_view>

namespace mlrun::data {

/// What an encoded image says of itself before it is decoded.
struct ImageHead {
  std::int64_t width = 0;   ///< 0: not known
  std::int64_t height = 0;  ///< 0: not known
  bool truncated = false;   ///< the bytes end before the image does
};

/// Looks into JPEG (ISO/IEC 10918-1), PNG (ISO/IEC 15948) and BMP; of other formats nothing is known.
ImageHead read_image_head(std::string_view bytes);

}  // namespace mlrun::data
