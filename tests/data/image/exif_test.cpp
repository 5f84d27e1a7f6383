#include "data/image/exif.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/files.h"
#include "support.h"

namespace mlrun::data {
namespace {

/// Builds numbers in one byte order.
struct TiffText {
  bool little = true;
  std::string text = {};

  TiffText& put(std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) text += static_cast<char>(value >> 8 * (little ? i : count - 1 - i) & 255);
    return *this;
  }
};

/// A TIFF structure with one tag before and the orientation after it; the value is left-aligned.
std::string tiff(std::uint32_t orientation, bool little = true, std::uint32_t type = 3, std::uint32_t count = 1) {
  TiffText out{little};
  out.text = little ? "II" : "MM";
  out.put(42, 2).put(8, 4).put(2, 2);
  out.put(0x010F, 2).put(2, 2).put(4, 4).text += "mlr";
  out.text += '\0';
  out.put(0x0112, 2).put(type, 2).put(count, 4);
  const int width = type == 4 ? 4 : type == 1 ? 1 : 2;
  out.put(orientation, width).text += std::string(static_cast<std::size_t>(4 - width), '\0');
  return out.put(0, 4).text;
}

std::string jpeg_segment(char marker, const std::string& content) {
  TiffText length{false};
  return std::string("\xFF") + marker + length.put(static_cast<std::uint32_t>(content.size()) + 2, 2).text + content;
}

std::string jpeg_with(const std::string& exif) {
  return "\xFF\xD8" + jpeg_segment('\xE0', "JFIF") + jpeg_segment('\xE1', "http://ns.adobe.com/xap/1.0/") +
         jpeg_segment('\xE1', std::string("Exif\0\0", 6) + exif) + jpeg_segment('\xDA', "scan") + "\xFF\xD9";
}

std::string png_with(const std::string& exif) {
  const auto chunk = [](const std::string& type, const std::string& content) {
    TiffText length{false};
    return length.put(static_cast<std::uint32_t>(content.size()), 4).text + type + content + "crc!";
  };
  return "\x89PNG\r\n\x1a\n" + chunk("IHDR", std::string(13, '\1')) + chunk("eXIf", exif) + chunk("IEND", "");
}

std::string webp_with(const std::string& exif) {
  const auto chunk = [](const std::string& type, const std::string& content) {
    TiffText length{true};
    return type + length.put(static_cast<std::uint32_t>(content.size()), 4).text + content +
           std::string(content.size() % 2, '\0');
  };
  return "RIFF????WEBP" + chunk("VP8 ", "odd") + chunk("EXIF", exif);
}

}  // namespace

TEST_CASE("the orientation is read in either byte order and any of its types", "[data][exif]") {
  for (std::uint32_t value = 1; value <= 8; ++value) {
    for (const bool little : {true, false}) {
      for (const std::uint32_t type : {1U, 3U, 4U}) {
        INFO(value << " little " << little << " type " << type);
        const std::string exif = tiff(value, little, type);
        CHECK(exif_orientation(jpeg_with(exif)) == static_cast<int>(value));
        CHECK(exif_orientation(png_with(exif)) == static_cast<int>(value));
        CHECK(exif_orientation(webp_with(exif)) == static_cast<int>(value));
        CHECK(exif_orientation(webp_with(std::string("Exif\0\0", 6) + exif)) == static_cast<int>(value));
      }
    }
  }
}

TEST_CASE("values that are no orientation mean upright", "[data][exif]") {
  CHECK(exif_orientation(jpeg_with(tiff(0))) == 1);
  CHECK(exif_orientation(jpeg_with(tiff(9))) == 1);
  CHECK(exif_orientation(jpeg_with(tiff(0x10006, true, 4))) == 1);
  CHECK(exif_orientation(jpeg_with(tiff(6, true, 2))) == 1);     // text
  CHECK(exif_orientation(jpeg_with(tiff(6, true, 3, 2))) == 1);  // two of them
  CHECK(exif_orientation(jpeg_with(tiff(6, true, 3, 0))) == 1);
}

TEST_CASE("a TIFF is upright: its tag is part of the image", "[data][exif]") { CHECK(exif_orientation(tiff(6)) == 1); }

TEST_CASE("PNG has its orientation in a chunk, as text or in XMP, the chunk first", "[data][exif]") {
  const std::string signature = "\x89PNG\r\n\x1a\n";
  const auto chunk = [](const std::string& type, const std::string& content) {
    return TiffText{false}.put(static_cast<std::uint32_t>(content.size()), 4).text + type + content + "crc!";
  };
  const auto hexadecimal = [](const std::string& bytes) {
    std::string text;
    for (const unsigned char c : bytes) text += "0123456789ABCDEF"[c >> 4], text += "0123456789abcdef"[c & 15];
    return text;
  };
  const std::string profile =
      chunk("tEXt", std::string("Raw profile type exif\0", 22) + "\nexif\n  38\n" + hexadecimal(tiff(8)) + "\n");
  const std::string name("XML:com.adobe.xmp\0\0\0\0\0", 22);
  const std::string xmp = chunk("iTXt", name + "<a tiff:Orientation=\"3\"/>");
  CHECK(exif_orientation(signature + xmp) == 3);
  CHECK(exif_orientation(signature + chunk("iTXt", name + "<tiff:Orientation>5</tiff:Orientation>")) == 5);
  CHECK(exif_orientation(signature + profile + xmp) == 8);
  CHECK(exif_orientation(signature + profile + chunk("eXIf", tiff(2)) + xmp) == 2);
  CHECK(exif_orientation(signature + chunk("eXIf", tiff(1)) + xmp) == 1);
  CHECK(exif_orientation(signature + chunk("IEND", "") + xmp) == 1);
  for (const std::string text :
       {"tiff:Orientation", "tiff:Orientation=\"", "tiff:Orientation=\"0", "tiff:Orientation>9"}) {
    CHECK(exif_orientation(signature + chunk("iTXt", name + text)) == 1);
  }
  const std::string damaged = std::string("XML:com.adobe.xmp\0\1\0\0\0", 22) + "no deflated data";
  CHECK(exif_orientation(signature + chunk("iTXt", damaged)) == 1);
  for (const auto& whole : {signature + profile, signature + xmp}) {
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      const auto exact = std::make_unique<char[]>(size);
      std::copy_n(whole.data(), size, exact.get());
      CHECK(exif_orientation({exact.get(), size}) >= 1);
    }
  }
}

TEST_CASE("without EXIF data an image is upright", "[data][exif]") {
  for (const std::string bytes : {"", "\xFF", "\xFF\xD8", "\xFF\xD8\xFF", "RIFF", "RIFF????WEBP", "II", "BM", "text"}) {
    CHECK(exif_orientation(bytes) == 1);
  }
  CHECK(exif_orientation("\xFF\xD8" + jpeg_segment('\xDA', "scan") +
                         jpeg_segment('\xE1', std::string("Exif\0\0", 6) + tiff(6))) == 1);
  CHECK(exif_orientation(read_file(test::fixture("data/decode/rotated.jpg"))) == 6);
  CHECK(exif_orientation(read_file(test::fixture("data/decode/rgb.jpg"))) == 1);
}

TEST_CASE("the first EXIF segment counts", "[data][exif]") {
  const std::string exif("Exif\0\0", 6);
  CHECK(exif_orientation("\xFF\xD8" + jpeg_segment('\xE1', exif + tiff(3)) + jpeg_segment('\xE1', exif + tiff(6))) ==
        3);
}

TEST_CASE("offsets and counts that lead beyond the end are passed over", "[data][exif]") {
  std::string far = tiff(6);
  far[4] = far[5] = far[6] = far[7] = '\xFF';
  CHECK(exif_orientation(jpeg_with(far)) == 1);
  std::string many = tiff(6);
  many[8] = many[9] = '\xFF';  // 65535 entries, the second of which is there
  CHECK(exif_orientation(jpeg_with(many)) == 6);
  many[22] = '\x13';  // now no entry is the orientation
  CHECK(exif_orientation(jpeg_with(many)) == 1);
  std::string chunk = png_with(tiff(6));
  for (std::size_t i = 33; i < 37; ++i) chunk[i] = '\xFF';  // the chunk's length
  CHECK(exif_orientation(chunk) == 6);
}

TEST_CASE("a WebP chunk's length that wraps in 32 bits does not stop the search for ever", "[data][exif]") {
  const std::string wraps("RIFF\x20\0\0\0WEBPVP8 \xF7\xFF\xFF\xFF", 20);
  CHECK(exif_orientation(wraps) == 1);
}

TEST_CASE("bytes that are cut or changed anywhere are read within their bounds", "[data][exif]") {
  // In memory of exactly their size, so that the address sanitizer sees the first byte beyond.
  for (const auto& whole : {jpeg_with(tiff(6)), png_with(tiff(5, false)), webp_with(tiff(8)), tiff(3)}) {
    for (std::size_t size = 0; size <= whole.size(); ++size) {
      const auto exact = std::make_unique<char[]>(size);
      std::copy_n(whole.data(), size, exact.get());
      const int cut = exif_orientation({exact.get(), size});
      CHECK((cut >= 1 && cut <= 8));
      for (std::size_t at = size < 12 ? 0 : size - 12; at < size; ++at) {
        exact[at] = '\xFF';
        const int changed = exif_orientation({exact.get(), size});
        CHECK((changed >= 1 && changed <= 8));
      }
    }
  }
}

}  // namespace mlrun::data
