#pragma once

#include <string>
#include <string_view>

#include <torch/types.h>

namespace mlrun::data {

/// Decodes a PNG whose pixels are numbers of classes or of things to int32 [H, W]: of a palette image the places in the
/// palette, of a grey one the values as they lie in the file, of 1 to 16 bits. UserError that names `name` for colour
/// images, other kinds of files and damaged ones.
torch::Tensor decode_mask(std::string_view bytes, const std::string& name);

}  // namespace mlrun::data
