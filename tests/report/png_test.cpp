#include "report/png.h"

#include <zlib.h>

#include <vector>

#include "base/error.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::report;

namespace {

std::uint32_t big_endian_at(const std::string& text, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(text.at(at + i));
  return value;
}

/// The content of chunk `type`, whose checksum must be right.
std::string chunk_of(const std::string& file, const std::string& type) {
  for (std::size_t at = 8; at < file.size();) {
    const std::uint32_t length = big_endian_at(file, at);
    const std::string body = file.substr(at + 4, length + 4);
    const auto sum = ::crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size()));
    CHECK(big_endian_at(file, at + 8 + length) == sum);
    if (body.substr(0, 4) == type) return body.substr(4);
    at += 12 + length;
  }
  FAIL("no chunk " << type);
  return "";
}

}  // namespace

TEST_CASE("a PNG holds the pixels it was given", "[report]") {
  const std::vector<std::uint8_t> pixels = {1, 2, 3, 250, 0, 9, 255, 254, 253, 7, 7, 7};  // 2 x 2, colour
  const std::string file = png(pixels.data(), 2, 2, 3);
  CHECK(file.substr(0, 8) == "\x89PNG\r\n\x1A\n");
  const std::string header = chunk_of(file, "IHDR");
  CHECK(big_endian_at(header, 0) == 2);
  CHECK(big_endian_at(header, 4) == 2);
  CHECK(header.substr(8) == std::string("\x08\x02\0\0\0", 5));
  const std::string packed = chunk_of(file, "IDAT");
  std::vector<Bytef> rows(14);
  uLongf size = rows.size();
  REQUIRE(::uncompress(rows.data(), &size, reinterpret_cast<const Bytef*>(packed.data()), packed.size()) == Z_OK);
  REQUIRE(size == 14);
  for (std::size_t y = 0; y < 2; ++y) {
    CHECK(rows[y * 7] == 1);  // filter: difference to the pixel on the left
    for (std::size_t i = 0; i < 6; ++i) {
      const unsigned left = i < 3 ? 0U : pixels[y * 6 + i - 3];
      CHECK(static_cast<std::uint8_t>(rows[y * 7 + 1 + i] + left) == pixels[y * 6 + i]);
    }
  }
  CHECK(chunk_of(file, "IEND").empty());
  CHECK(chunk_of(png(pixels.data(), 4, 3, 1), "IHDR")[9] == 0);
  CHECK_THROWS_AS(png(pixels.data(), 0, 2, 3), InternalError);
  CHECK_THROWS_AS(png(pixels.data(), 2, 2, 2), InternalError);
}

TEST_CASE("data URIs follow RFC 4648's examples", "[report]") {
  CHECK(data_uri("text/plain", "") == "data:text/plain;base64,");
  CHECK(data_uri("text/plain", "f") == "data:text/plain;base64,Zg==");
  CHECK(data_uri("text/plain", "fo") == "data:text/plain;base64,Zm8=");
  CHECK(data_uri("text/plain", "foo") == "data:text/plain;base64,Zm9v");
  CHECK(data_uri("text/plain", "foobar") == "data:text/plain;base64,Zm9vYmFy");
  CHECK(data_uri("image/png", "\xFF\xFE\xFD") == "data:image/png;base64,//79");
}
