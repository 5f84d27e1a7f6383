#pragma once

#include <string>
#include <string_view>

#include <torch/types.h>

namespace mlrun::data {

/// The pixels of a mask file, int32 [H, W].
struct RawMask {
  torch::Tensor values;
  bool coloured = false;  ///< values are red << 16 | green << 8 | blue
};

/// Decodes a PNG whose pixels are numbers of classes or of things, or colours that stand for them: of a palette image
/// the places in the palette, of a grey one the values as they lie in the file, of 1 to 16 bits; what is transparent
/// does not matter. UserError that names `name` for other kinds of files and damaged ones.
RawMask decode_mask(std::string_view bytes, const std::string& name);

}  // namespace mlrun::data
