#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/error.h"
#include "data/image/layout.h"
#include "data/image/tiff.h"

namespace mlrun::data {
namespace {

struct TiffTag {
  enum : std::uint32_t {
    kBits = 258,
    kCompression = 259,
    kPhotometric = 262,
    kOrientation = 274,
    kSamples = 277,
    kPlanar = 284,
    kColourMap = 320,
    kExtraSamples = 338,
    kSampleFormat = 339
  };
};

/// What the samples mean.
struct TiffColour {
  enum : std::uint32_t { kWhiteIsZero, kBlackIsZero, kRgb, kPalette, kSeparated = 5, kYCbCr, kCieLab = 8 };
};

/// What a sample beyond those of the colour means.
struct TiffExtra {
  enum : std::uint32_t { kUnspecified, kAssociatedAlpha, kAlpha, kNone };
};

constexpr std::uint32_t kJpegCompression = 7;
constexpr std::uint32_t kMostColours = 3 * 256;  // values of a palette
constexpr std::uint32_t kMostSamples = 8;        // of a pixel

/// What a TIFF file says of its pixels.
class TiffPixels {
 public:
  TiffPixels(const TiffDirectory& directory, std::string_view bytes, const std::string& name)
      : directory_(directory),
        bytes_(bytes),
        name_(name),
        samples_(directory.value_or(TiffTag::kSamples, 1)),
        bits_(directory.value_or(TiffTag::kBits, 1)),
        photometric_(directory.value_or(TiffTag::kPhotometric, TiffColour::kBlackIsZero)),
        extra_(directory.value_or(TiffTag::kExtraSamples, TiffExtra::kNone)),
        planar_(directory.value_or(TiffTag::kPlanar, 1) == 2) {}

  ImageLayout layout() {
    check_samples();
    switch (photometric_) {
      case TiffColour::kWhiteIsZero:
      case TiffColour::kBlackIsZero: grey(); break;
      case TiffColour::kRgb: colour(); break;
      case TiffColour::kPalette: palette(); break;
      case TiffColour::kSeparated: inks(); break;
      case TiffColour::kYCbCr:
        if (directory_.value_or(TiffTag::kCompression, 1) != kJpegCompression) refuse("YCbCr that is not JPEG");
        break;
      case TiffColour::kCieLab: refuse("CIE L*a*b* colours");
      default: refuse("pixels of kind " + std::to_string(photometric_));
    }
    if (const auto orientation = tiff_orientation(directory_); orientation && *orientation != 1) {
      layout_.orientation = *orientation;
      change(TiffTag::kOrientation, 1);
    }
    return std::move(layout_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw file_error(name_, "the TIFF holds " + what + ", which is not read", "save it as RGB or grey with 8 bits");
  }

  void check_samples() const {
    if (samples_ < 1 || samples_ > kMostSamples) refuse("pixels of " + std::to_string(samples_) + " samples");
    const auto format = directory_.value_or(TiffTag::kSampleFormat, 1);
    if (format == 2) refuse("signed numbers");
    if (format == 3) refuse("floating-point numbers");
    if (bits_ != 1 && bits_ != 8 && bits_ != 16) refuse("samples of " + std::to_string(bits_) + " bits");
    const auto all = directory_.find(TiffTag::kBits);
    for (std::uint32_t i = 1; all && i < std::min(all->count, samples_); ++i) {
      if (directory_.value(*all, i) != bits_) refuse("samples of different widths");
    }
  }

  void grey() {
    const bool plain = samples_ == 1 || (samples_ == 2 && extra_ == TiffExtra::kAlpha && bits_ == 8);
    if (!plain) refuse("grey with " + std::to_string(samples_ - 1) + " further samples of " + depth());
    if (bits_ != 16) return;
    if (photometric_ == TiffColour::kWhiteIsZero) refuse("16 bits of grey where white is 0");
    layout_.pixels = StoredPixels::DeepGrey;
  }

  void colour() {
    if (samples_ != 3 && samples_ != 4) refuse("colours of " + std::to_string(samples_) + " samples");
    if (bits_ == 1 || (bits_ == 16 && planar_)) refuse("colours of " + depth() + (planar_ ? " in planes" : ""));
    if (samples_ == 4 && extra_ == TiffExtra::kAssociatedAlpha) {
      if (bits_ == 16) refuse("colours of 16 bits multiplied with their opacity");
      layout_.pixels = StoredPixels::Premultiplied;
    }
    // Told of an opacity, decoders multiply the colours with it.
    if (samples_ == 4 && extra_ != TiffExtra::kNone && extra_ != TiffExtra::kUnspecified)
      change(TiffTag::kExtraSamples, TiffExtra::kUnspecified);
    if (bits_ == 16) layout_.pixels = StoredPixels::DeepColour;
  }

  void palette() const {
    const bool plain = samples_ == 1 || (samples_ == 2 && extra_ == TiffExtra::kAlpha);
    if (!plain || bits_ == 16) refuse("a palette with samples of " + depth());
    const auto map = directory_.find(TiffTag::kColourMap);
    if (!map) refuse("a palette image without its palette");
    std::uint32_t brightest = 0;
    for (std::uint32_t i = 0; i < std::min(map->count, kMostColours); ++i)
      brightest = std::max(brightest, directory_.value(*map, i).value_or(0));
    if (brightest > 0 && brightest < 256) refuse("a palette whose colours have 8 bits where TIFF wants 16");
  }

  /// Told that they are red, green, blue and one more, decoders leave the inks alone.
  void inks() {
    if (samples_ != 4 || bits_ != 8) refuse("inks of " + std::to_string(samples_) + " samples of " + depth());
    layout_.pixels = StoredPixels::Cmyk;
    change(TiffTag::kPhotometric, TiffColour::kRgb);
  }

  std::string depth() const { return std::to_string(bits_) + (bits_ == 1 ? " bit" : " bits"); }

  /// Sets the first value of a tag that is there, in a copy of the file.
  void change(std::uint32_t tag, std::uint32_t value) {
    const auto entry = directory_.find(tag);
    if (!entry || !directory_.value(*entry)) refuse("tags in a form that is none");
    if (layout_.bytes.empty()) layout_.bytes = bytes_;
    const std::size_t size = entry->type == 1 ? 1 : entry->type == 3 ? 2 : 4;
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t shift = 8 * (directory_.little_endian() ? i : size - 1 - i);
      layout_.bytes[entry->at + i] = static_cast<char>(value >> shift & 255);
    }
  }

  const TiffDirectory& directory_;
  std::string_view bytes_;
  const std::string& name_;
  std::uint32_t samples_, bits_, photometric_, extra_;
  bool planar_;
  ImageLayout layout_;
};

}  // namespace

ImageLayout tiff_layout(std::string_view bytes, const std::string& name) {
  const TiffDirectory directory(bytes);
  if (!directory.found()) return {};
  return TiffPixels(directory, bytes, name).layout();
}

}  // namespace mlrun::data
