#pragma once

#include <string>
#include <string_view>

namespace mlrun::data {

/// The text that a PNG file keeps under `keyword` (ISO/IEC 15948, 11.3.4: tEXt, zTXt, iTXt), at most its first
/// mebibyte; empty where there is none. Whatever the bytes are, nothing beyond them is read.
std::string png_text(std::string_view bytes, std::string_view keyword);

}  // namespace mlrun::data
