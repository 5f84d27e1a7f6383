#pragma once

#include <string_view>

namespace mlrun::data {

/// The orientation that an image file's EXIF data give, 1 .. 8 (EXIF 2.32, tag 0x0112); 1, upright,
/// where there is none or it is not one of these. Looks into JPEG (APP1), PNG (eXIf), WebP (EXIF)
/// and TIFF; whatever the bytes are, nothing beyond them is read. The head of a file is enough for
/// JPEG, and for PNG where the chunk comes before the pixels, as it does by habit.
int exif_orientation(std::string_view bytes);

}  // namespace mlrun::data
