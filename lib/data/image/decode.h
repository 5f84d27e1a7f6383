#pragma once

#include <string>
#include <string_view>

#include <torch/types.h>

namespace mlrun::data {

/// Decodes an image file to uint8 [H, W, 3], RGB, with the values of Pillow 9.4.0's `convert("RGB")`:
/// grey is repeated, transparency dropped, 16 bits become 8 (of grey all above 255 is white, which is said once); the
/// EXIF orientation is ignored, as Pillow does, unless `apply_exif`; that of a TIFF is part of the image and always
/// applied. UserError that names `name` when the bytes are no image, are cut short, hold more than 2^28 pixels, or are
/// of a kind whose values would not be Pillow's: then it says which.
torch::Tensor decode_image(std::string_view bytes, const std::string& name, bool apply_exif = false);

/// uint8 [H, W, C] turned and mirrored as EXIF's orientation 1 .. 8 says; contiguous.
torch::Tensor orient(const torch::Tensor& image, int orientation);

/// Warns, once, that grey values of 16 bits were clipped.
void tell_clipped_grey(const std::string& name);

/// The formats beside JPEG (and JPEG where mlrun was built without libjpeg), EXIF orientation ignored.
torch::Tensor decode_other(std::string_view bytes, const std::string& name);

}  // namespace mlrun::data
