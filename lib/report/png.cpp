#include "report/png.h"

#include <zlib.h>

#include <vector>

#include "base/error.h"

namespace mlrun::report {
namespace {

std::string big_endian(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift & 0xFFU);
  return bytes;
}

std::string chunk(const std::string& type, const std::string& content) {
  const std::string body = type + content;
  const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
  return big_endian(static_cast<std::uint32_t>(content.size())) + body + big_endian(static_cast<std::uint32_t>(sum));
}

/// Each row as differences to the pixels on its left (PNG's filter 1), which compress better than
/// the pixels themselves.
std::string filtered(const std::uint8_t* pixels, std::int64_t width, std::int64_t height, std::int64_t channels) {
  std::string rows;
  const std::int64_t stride = width * channels;
  rows.reserve(static_cast<std::size_t>((stride + 1) * height));
  for (std::int64_t y = 0; y < height; ++y) {
    const std::uint8_t* row = pixels + y * stride;
    rows += '\1';
    for (std::int64_t i = 0; i < stride; ++i) {
      rows += static_cast<char>(row[i] - (i < channels ? 0 : row[i - channels]));
    }
  }
  return rows;
}

std::string deflated(const std::string& bytes) {
  uLongf size = ::compressBound(bytes.size());
  std::vector<Bytef> out(size);
  const int status =
      ::compress2(out.data(), &size, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), Z_BEST_COMPRESSION);
  MLRUN_ASSERT(status == Z_OK, "zlib cannot compress an image");
  return {reinterpret_cast<const char*>(out.data()), size};
}

enum Kind : char { Grey = 0, Colour = 2, Palette = 3 };

/// `before`: chunks between the header and the pixels.
std::string file(Kind kind, const std::uint8_t* pixels, std::int64_t width, std::int64_t height, std::int64_t channels,
                 const std::string& before) {
  MLRUN_ASSERT(width > 0 && height > 0, "no image to write as PNG");
  constexpr char kEightBits = 8;
  std::string header = big_endian(static_cast<std::uint32_t>(width)) + big_endian(static_cast<std::uint32_t>(height));
  header += {kEightBits, kind, 0, 0, 0};
  return "\x89PNG\r\n\x1A\n" + chunk("IHDR", header) + before +
         chunk("IDAT", deflated(filtered(pixels, width, height, channels))) + chunk("IEND", "");
}

}  // namespace

std::string png(const std::uint8_t* pixels, std::int64_t width, std::int64_t height, std::int64_t channels) {
  MLRUN_ASSERT(channels == 1 || channels == 3, "no image to write as PNG");
  return file(channels == 1 ? Grey : Colour, pixels, width, height, channels, "");
}

std::string palette_png(const std::uint8_t* pixels, std::int64_t width, std::int64_t height, std::string_view palette) {
  MLRUN_ASSERT(palette.size() % 3 == 0 && !palette.empty() && palette.size() <= 3 * 256, "no palette of a PNG");
  return file(Palette, pixels, width, height, 1, chunk("PLTE", std::string(palette)));
}

std::string data_uri(std::string_view type, std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "data:" + std::string(type) + ";base64,";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      out += i + k > bytes.size() ? '=' : kDigits[group >> (18 - 6 * k) & 0x3FU];
    }
  }
  return out;
}

}  // namespace mlrun::report
