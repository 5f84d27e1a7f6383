#include "base/files.h"
#include "data/image/head.h"
#include "support.h"

namespace mlrun::data {
namespace {

void put_little(std::string& bytes, std::size_t at, std::uint32_t value, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) bytes[at + i] = static_cast<char>(value >> (8 * i) & 255U);
}

/// The head of a BMP, and as many bytes as asked for.
std::string bmp_of(std::uint32_t width, std::uint32_t height, std::uint32_t bits, std::uint32_t packing,
                   std::size_t size) {
  std::string bytes(size, '\0');
  bytes.replace(0, 2, "BM");
  put_little(bytes, 14, 40, 4);
  put_little(bytes, 18, width, 4);
  put_little(bytes, 22, height, 4);
  put_little(bytes, 28, bits, 2);
  put_little(bytes, 30, packing, 4);
  return bytes;
}

std::string png_with(std::uint32_t width, std::uint32_t height) {
  std::string bytes = read_file(test::fixture("data/decode/rgb.png"));
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[16 + i] = static_cast<char>(width >> (24 - 8 * i));
    bytes[20 + i] = static_cast<char>(height >> (24 - 8 * i));
  }
  return bytes;
}

/// A TIFF whose directory has these tags, as LONGs.
std::string tiff_of(const std::vector<std::pair<std::uint32_t, std::uint32_t>>& tags) {
  std::string bytes("II*\0\x08\0\0\0", 8);
  bytes.resize(10 + 12 * tags.size() + 4);
  put_little(bytes, 8, static_cast<std::uint32_t>(tags.size()), 2);
  for (std::size_t i = 0; i < tags.size(); ++i) {
    put_little(bytes, 10 + 12 * i, tags[i].first, 2);
    put_little(bytes, 12 + 12 * i, 4, 2);
    put_little(bytes, 14 + 12 * i, 1, 4);
    put_little(bytes, 18 + 12 * i, tags[i].second, 4);
  }
  return bytes;
}

std::string webp_of(std::uint32_t width, std::uint32_t height, std::size_t size) {
  std::string bytes(size, '\0');
  bytes.replace(0, 4, "RIFF");
  bytes.replace(8, 8, "WEBPVP8X");
  put_little(bytes, 24, width - 1, 3);
  put_little(bytes, 27, height - 1, 3);
  return bytes;
}

std::string size_error(const std::string& bytes) {
  return test::user_error([&] { check_pixels_fit(bytes, read_image_head(bytes), "a"); });
}

bool fits(const std::string& bytes) {
  check_pixels_fit(bytes, read_image_head(bytes), "a");
  return true;
}

std::string cannot_hold(const std::string& bytes, const std::string& size) {
  return "a: the image is cut short: " + std::to_string(bytes.size()) + " bytes cannot hold " + size +
         " pixels; mend or remove it";
}

}  // namespace

TEST_CASE("a head of few bytes that tells of many pixels is refused before they are decoded", "[data][image_head]") {
  const std::string bmp = bmp_of(20000, 13000, 24, 0, 1078);
  CHECK(size_error(bmp) == cannot_hold(bmp, "20000 x 13000"));
  const std::string rle = bmp_of(16000, 16000, 8, 1, 1078);
  CHECK(size_error(rle) == cannot_hold(rle, "16000 x 16000"));
  const std::string png = png_with(16000, 16000);
  CHECK(size_error(png) == cannot_hold(png, "16000 x 16000"));
  const std::string tiff = tiff_of({{256, 9000}, {257, 9000}, {258, 8}, {259, 1}, {277, 3}});
  CHECK(size_error(tiff) == cannot_hold(tiff, "9000 x 9000"));
  const std::string tiles = tiff_of({{256, 10}, {257, 10}, {259, 5}, {322, 16384}, {323, 16384}});
  CHECK(size_error(tiles) == cannot_hold(tiles, "10 x 10"));
  const std::string webp = webp_of(16000, 16000, 1000);
  CHECK(size_error(webp) == cannot_hold(webp, "16000 x 16000"));
  const std::string text = "P3\n300 200\n255\n1 2 3\n";
  CHECK(size_error(text) == cannot_hold(text, "300 x 200"));
}

TEST_CASE("images whose pixels are there fit", "[data][image_head]") {
  for (const char* name : {"rgb.png", "palette.png", "rgb.bmp", "rgb.webp", "rgb.tif", "rgb.png.ppm"}) {
    INFO(name);
    CHECK(fits(read_file(test::fixture(std::string("data/decode/") + name))));
  }
  CHECK(fits(bmp_of(3, 2, 24, 0, 54 + 12 + 9)));  // without the last row's padding
  CHECK(size_error(bmp_of(30, 20, 24, 0, 54)) != "");
  CHECK(fits(webp_of(4096, 4096, 1000)));
  CHECK(fits(webp_of(16000, 16000, 70000)));
  CHECK(fits("P1\n3 2\n101010"));
  CHECK(size_error("P1\n30 20\n") != "");
  CHECK(fits("plain text"));
}

}  // namespace mlrun::data
