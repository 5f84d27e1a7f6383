#pragma once

#include <string>
#include <string_view>

#include <torch/types.h>

namespace mlrun::data {

/// Decodes an image file to uint8 [H, W, 3], RGB, with the values of Pillow 9.4.0's `convert("RGB")`:
/// grey is repeated, transparency dropped, 16 bits become 8; the EXIF orientation is ignored, as
/// Pillow does, unless `apply_exif`. UserError that names `name` when the bytes are no image, are
/// cut short or hold more than 2^28 pixels.
torch::Tensor decode_image(std::string_view bytes, const std::string& name, bool apply_exif = false);

/// uint8 [H, W, C] turned and mirrored as EXIF's orientation 1 .. 8 says; contiguous.
torch::Tensor orient(const torch::Tensor& image, int orientation);

/// The formats beside JPEG (and JPEG where mlrun was built without libjpeg), orientation ignored.
torch::Tensor decode_other(std::string_view bytes, const std::string& name);

}  // namespace mlrun::data
