#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "data/image/kind.h"

namespace mlrun::data {
namespace {

constexpr const char* kConvert = "convert it to PNG or JPEG";

/// How a file of some kind begins, from its byte `at` on.
struct Beginning {
  std::size_t at;
  std::string_view bytes;
  const char* name;
  const char* hint = kConvert;
};

constexpr std::array kForeign = {
    Beginning{0, "GIF8", "a GIF image"},
    Beginning{4, "ftyphei", "a HEIC image"},
    Beginning{4, "ftyphev", "a HEIC image"},
    Beginning{4, "ftypmif1", "a HEIC image"},
    Beginning{4, "ftypmsf1", "a HEIC image"},
    Beginning{4, "ftypavi", "an AVIF image"},
    Beginning{4, "ftypcrx", "a raw photo (CR3)"},
    Beginning{4, "ftyp", "a video", "take images out of it"},
    Beginning{0, "\xFF\x0A", "a JPEG XL image"},
    Beginning{4, "JXL \r\n", "a JPEG XL image"},
    Beginning{4, "jP  \r\n", "a JPEG 2000 image"},
    Beginning{0, "\xFF\x4F\xFF\x51", "a JPEG 2000 image"},
    Beginning{0, "\x76\x2F\x31\x01", "an OpenEXR image"},
    Beginning{0, "#?RADIANCE", "a Radiance HDR image"},
    Beginning{0, "#?RGBE", "a Radiance HDR image"},
    Beginning{0, std::string_view("II+\0", 4), "a BigTIFF image"},
    Beginning{0, std::string_view("MM\0+", 4), "a BigTIFF image"},
    Beginning{0, "P7", "a PAM image"},
    Beginning{0, "PF", "a PFM image"},
    Beginning{0, "Pf", "a PFM image"},
    Beginning{0, "\x59\xA6\x6A\x95", "a Sun raster image"},
    Beginning{0, "DDS ", "a DDS image"},
    Beginning{0, "8BPS", "a Photoshop document"},
    Beginning{0, std::string_view("\0\0\1\0", 4), "an icon (ICO)"},
    Beginning{0, "%PDF", "a PDF document"},
    Beginning{0, "PK\3\4", "a zip archive", "unpack it"},
    Beginning{0, "\x1F\x8B", "gzip data", "unpack it"},
    Beginning{0, "version https://git-lfs", "a Git LFS pointer", "fetch the image itself: git lfs pull"},
};

/// Drawings and web pages are text, and begin in many ways.
ForeignKind text_kind(std::string_view bytes) {
  constexpr std::size_t kLook = 1024;
  std::string head(bytes.substr(0, kLook));
  head.erase(0, head.find_first_not_of("\xEF\xBB\xBF \t\r\n"));
  if (head.empty() || head[0] != '<') return {};
  std::transform(head.begin(), head.end(), head.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  if (head.find("<svg") != std::string::npos) return {"an SVG drawing", kConvert};
  if (head.find("<html") != std::string::npos || head.find("<!doctype html") != std::string::npos) {
    return {"a web page", "download the image again"};
  }
  return {"XML text", "mend or remove it"};
}

bool is_animated_webp(std::string_view bytes) {
  constexpr char kAnimation = 2;
  return bytes.size() > 20 && bytes.substr(0, 4) == "RIFF" && bytes.substr(8, 8) == "WEBPVP8X" &&
         (bytes[20] & kAnimation) != 0;
}

}  // namespace

ForeignKind foreign_kind(std::string_view bytes) {
  if (is_animated_webp(bytes)) return {"an animated WebP image", "take one image out of it, as PNG or JPEG"};
  for (const auto& [at, beginning, name, hint] : kForeign) {
    if (bytes.size() > at && bytes.substr(at, beginning.size()) == beginning) return {name, hint};
  }
  return text_kind(bytes);
}

void refuse_foreign(std::string_view bytes, const std::string& name) {
  const ForeignKind foreign = foreign_kind(bytes);
  if (!foreign.name.empty()) throw file_error(name, "is " + foreign.name + ", which is not read", foreign.hint);
  // A decoder may know more kinds; which of them would depend on how it was built.
  if (image_kind(bytes) != "unknown") return;
  throw file_error(name, "is not an image that can be decoded", "mend or remove it");
}

}  // namespace mlrun::data
