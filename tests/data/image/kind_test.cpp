#include "data/image/kind.h"

#include "support.h"

namespace mlrun::data {
namespace {

std::string png(char depth, char colour) {
  return std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1", 24) + depth + colour;
}

std::string jpeg(const std::string& before, char components) {
  return "\xFF\xD8" + before + std::string("\xFF\xC2\0\x11\x08\0\1\0\1", 9) + components + std::string(9, '\0');
}

}  // namespace

TEST_CASE("kinds of images are told from their first bytes", "[data][image_kind]") {
  REQUIRE(image_kind(jpeg("", 1)) == "JPEG grey");
  REQUIRE(image_kind(jpeg(std::string("\xFF\xE0\0\4ab\xFF", 7), 3)) == "JPEG RGB");
  REQUIRE(image_kind(jpeg(std::string("\xFF\xC4\0\3a", 5), 4)) == "JPEG CMYK");
  REQUIRE(image_kind("\xFF\xD8\xFF") == "JPEG");
  REQUIRE(image_kind(png(8, 2)) == "PNG RGB");
  REQUIRE(image_kind(png(16, 0)) == "PNG grey 16 bit");
  REQUIRE(image_kind(png(8, 3)) == "PNG palette");
  REQUIRE(image_kind(png(8, 6)) == "PNG RGBA");
  REQUIRE(image_kind(std::string("RIFF\0\0\0\0WEBPVP8 ", 16)) == "WebP");
  REQUIRE(image_kind(std::string("II*\0", 4)) == "TIFF");
  REQUIRE(image_kind("BM..") == "BMP");
  REQUIRE(image_kind("P6\n1 1\n") == "PNM");
  REQUIRE(image_kind("") == "unknown");
  REQUIRE(image_kind("hello") == "unknown");
}

}  // namespace mlrun::data
