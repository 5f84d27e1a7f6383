#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace mlrun::data {

/// True where the bytes begin as a JPEG file does.
bool is_jpeg(std::string_view bytes);

/// Gives the memory for `height` x `width` x 3 bytes; called once, when the sizes have been checked.
using PixelMemory = std::function<std::uint8_t*(std::int64_t height, std::int64_t width)>;

/// Decodes a JPEG file by libjpeg to RGB rows with the bits of Pillow 9.4.0's `convert("RGB")`: grey
/// is repeated, CMYK and YCCK are taken to be inverted as Adobe writes them. UserError that names
/// `name` where Pillow refuses the file: bytes missing, broken segments, 12 bits a sample, 2 or more
/// than 4 components; for images beyond 2^28 pixels, more pixels than the bytes can hold and over
/// 1000 scans; and for corrupt image data (bad codes, missing parts), which Pillow steps over and fills
/// with made-up pixels. Prints nothing.
void decode_jpeg(std::string_view bytes, const std::string& name, const PixelMemory& memory);

}  // namespace mlrun::data
