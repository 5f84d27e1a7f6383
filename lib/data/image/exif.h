#pragma once

#include <string_view>

namespace mlrun::data {

/// The orientation in which an image file's pixels wait to be turned, 1 .. 8 (EXIF 2.32, tag 0x0112); 1, upright,
/// where none is given or it is not one of these. Looks into JPEG (APP1), PNG (eXIf, EXIF data as text, XMP) and WebP
/// (EXIF); whatever the bytes are, nothing beyond them is read. TIFF is upright: there the tag is part of the image
/// itself, and whoever decodes one has turned it, as Pillow does. The head of a file is enough for JPEG, and for PNG
/// where the chunk comes before the pixels, as it does by habit.
int exif_orientation(std::string_view bytes);

}  // namespace mlrun::data
