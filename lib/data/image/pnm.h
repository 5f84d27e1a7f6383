#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace mlrun::data {

/// What stands before the pixels of a PBM, PGM or PPM file.
struct PnmHead {
  char kind = '6';  ///< P1 .. P3: bits, grey, RGB as text; P4 .. P6 as bytes
  std::int64_t width = 0, height = 0;
  std::int64_t largest = 1;  ///< the value that stands for white
  std::size_t begin = 0;     ///< of the pixels

  bool text() const { return kind <= '3'; }
  std::int64_t channels() const { return kind == '3' || kind == '6' ? 3 : 1; }
  /// Of a row of bytes.
  std::int64_t row_bytes() const;
};

/// True where the bytes begin as such a file does.
bool is_pnm(std::string_view bytes);

/// Nothing where the head ends early or holds a number that is none, or of no sane size, or a side of 0.
std::optional<PnmHead> read_pnm_head(std::string_view bytes);

/// Whether the bytes end before the image does; of text that is seen only when it is read.
bool pnm_truncated(const PnmHead& head, std::string_view bytes);

/// Writes the pixels to `rgb`, [H, W, 3], with Pillow's values: scaled to 0 .. 255, but grey values of 16 bits scaled
/// to 0 .. 65535 and clipped; returns whether any was clipped. UserError that names `name` where a value is missing,
/// above the largest or no number.
bool decode_pnm(const PnmHead& head, std::string_view bytes, const std::string& name, std::uint8_t* rgb);

}  // namespace mlrun::data
