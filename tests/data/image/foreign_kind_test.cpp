#include "data/image/kind.h"
#include "support.h"

namespace mlrun::data {
namespace {

std::string box(const std::string& brand) {
  return std::string("\0\0\0\x1C", 4) + "ftyp" + brand + std::string(16, '\0');
}

}  // namespace

TEST_CASE("what is no image that is read is called by its name", "[data][image_kind]") {
  const std::vector<std::pair<std::string, std::string>> kinds = {
      {"GIF89a......", "a GIF image"},
      {box("heic"), "a HEIC image"},
      {box("heix"), "a HEIC image"},
      {box("hevc"), "a HEIC image"},
      {box("mif1"), "a HEIC image"},
      {box("avif"), "an AVIF image"},
      {box("isom"), "a video"},
      {std::string("RIFF\x40\0\0\0WEBPVP8X\x0A\0\0\0\x02\0\0\0", 24), "an animated WebP image"},
      {"\xFF\x0A....", "a JPEG XL image"},
      {std::string("\0\0\0\x0CjP  \r\n\x87\n", 12), "a JPEG 2000 image"},
      {"\x76\x2F\x31\x01....", "an OpenEXR image"},
      {"#?RADIANCE\n", "a Radiance HDR image"},
      {std::string("II+\0\x08\0\0\0", 8), "a BigTIFF image"},
      {"P7\nWIDTH 1\n", "a PAM image"},
      {"8BPS\0\1", "a Photoshop document"},
      {std::string("\0\0\1\0\1\0", 6), "an icon (ICO)"},
      {"%PDF-1.7", "a PDF document"},
      {"PK\3\4....", "a zip archive"},
      {"version https://git-lfs.github.com/spec/v1\noid sha256:", "a Git LFS pointer"},
      {"<?xml version=\"1.0\"?>\n<svg>", "an SVG drawing"},
      {"\xEF\xBB\xBF\n<!DOCTYPE HTML><html>", "a web page"}};
  for (const auto& [bytes, name] : kinds) {
    INFO(name);
    CHECK(foreign_kind(bytes).name == name);
    CHECK(test::user_error([&, &bytes = bytes] { refuse_foreign(bytes, "x.jpg"); }) ==
          "x.jpg: is " + name + ", which is not read; " + foreign_kind(bytes).hint);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      CHECK_NOTHROW(foreign_kind(std::string_view(bytes).substr(0, size)));
    }
  }
}

TEST_CASE("images that are read pass, other bytes are no image", "[data][image_kind]") {
  for (const std::string bytes : {"\xFF\xD8\xFF", "\x89PNG\r\n\x1a\n", "BM", "P6\n1 1\n255\nabc"}) {
    CHECK(foreign_kind(bytes).name.empty());
    CHECK_NOTHROW(refuse_foreign(bytes, "x"));
  }
  CHECK_NOTHROW(refuse_foreign(std::string("RIFF\x40\0\0\0WEBPVP8X\x0A\0\0\0\x10\0\0\0", 24), "x"));
  for (const std::string bytes : {"", "hello", "<", "\xFF", "RIFF"}) {
    INFO(bytes);
    CHECK(test::user_error([&] { refuse_foreign(bytes, "x.jpg"); }).find("x.jpg: is ") == 0);
  }
  CHECK(test::user_error([] { refuse_foreign("hello", "x.jpg"); }) ==
        "x.jpg: is not an image that can be decoded; mend or remove it");
}

}  // namespace mlrun::data
