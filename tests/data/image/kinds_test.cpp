#ifdef MLRUN_WITH_OPENCV

#include <map>
#include <sstream>

#include <torch/types.h>

#include "data/image/decode.h"
#include "data/image/exif.h"
#include "data/image/head.h"
#include "data/images.h"
#include "data/transforms/image_transforms.h"
#include "logged.h"

namespace mlrun::data {
namespace {

/// One of the files that scripts/fixtures/image_kinds.py made, and what Pillow makes of it.
struct KindCase {
  std::string name, bytes, size, digest, upright, grey;
};

std::vector<KindCase> kind_cases() {
  const std::string content = read_file(test::fixture("data/kinds.bin"));
  std::istringstream lines(read_file(test::fixture("data/kinds.tsv")));
  std::vector<KindCase> cases;
  KindCase next;
  std::size_t at = 0, length = 0;
  while (lines >> next.name >> at >> length >> next.size >> next.digest >> next.upright >> next.grey) {
    next.bytes = content.substr(at, length);
    cases.push_back(next);
  }
  return cases;
}

KindCase kind_case(const std::string& name) {
  for (const auto& entry : kind_cases()) {
    if (entry.name == name) return entry;
  }
  FAIL("no case is called " << name);
  return {};
}

constexpr const char* kTiffHint = ", which is not read; save it as RGB or grey with 8 bits";

/// What is said of the files that are refused; those that Pillow refuses too are among them.
std::map<std::string, std::string> refusals() {
  std::map<std::string, std::string> list = {
      {"32_other_order.bmp", "the BMP has colours of 32 bits in an order that is not read; save it with 24 bits"},
      {"16_444.bmp", "the BMP has colours of 16 bits in an order that is not read; save it with 24 bits"},
      {"p3_above.ppm", "the image holds a value above its largest, 100; mend or remove it"},
      {"p5_0.pgm", "says that its largest value is 0; it must be 1 to 65535"},
      {"p2_short.pgm", "the image is cut short; mend or remove it"},
      {"p2_word.pgm", "the image holds something that is no number; mend or remove it"},
      {"animated.webp", "is an animated WebP image, which is not read; take one image out of it, as PNG or JPEG"},
      {"still.gif", "is a GIF image, which is not read; convert it to PNG or JPEG"}};
  const auto tiff = [&](const std::string& what, const std::vector<std::string>& names) {
    for (const auto& name : names) list[name + ".tif"] = "the TIFF holds " + what + kTiffHint;
  };
  for (const std::string bits : {"2", "4", "32"}) {
    for (const std::string order : {"", "_big"}) {
      tiff("samples of " + bits + " bits", {"white_is_zero" + bits + order, "grey" + bits + order});
      if (bits != "32") tiff("samples of " + bits + " bits", {"palette" + bits + order});
    }
  }
  tiff("16 bits of grey where white is 0", {"white_is_zero16", "white_is_zero16_big"});
  tiff("grey with 1 further samples of 8 bits", {"grey8_extra0", "grey8_extra1"});
  tiff("grey with 1 further samples of 16 bits", {"grey16_extra0", "grey16_extra1", "grey16_extra2"});
  tiff("colours of 16 bits in planes", {"rgb16_planes"});
  tiff("colours of 16 bits multiplied with their opacity", {"rgb16_extra1", "rgb16_extra1_big"});
  tiff("colours of 5 samples", {"rgb8_five"});
  tiff("a palette whose colours have 8 bits where TIFF wants 16", {"palette8_narrow"});
  tiff("inks of 4 samples of 16 bits", {"cmyk16"});
  tiff("inks of 5 samples of 8 bits", {"cmyk8_extra"});
  tiff("signed numbers", {"signed16"});
  tiff("floating-point numbers", {"float"});
  tiff("CIE L*a*b* colours", {"lab"});
  return list;
}

std::string size_text(const torch::Tensor& image) {
  return std::to_string(image.size(1)) + "x" + std::to_string(image.size(0));
}

}  // namespace

TEST_CASE("images of every kind get Pillow's values, stored and upright, or are refused by what they are",
          "[data][decode]") {
  const auto refused = refusals();
  std::size_t seen = 0;
  for (const auto& entry : kind_cases()) {
    INFO(entry.name);
    const auto expected = refused.find(entry.name);
    if (expected != refused.end()) {
      ++seen;
      CHECK(test::user_error([&] { decode_image(entry.bytes, entry.name); }) == entry.name + ": " + expected->second);
      continue;
    }
    torch::Tensor image, upright;
    REQUIRE_NOTHROW(image = decode_image(entry.bytes, entry.name));
    CHECK(size_text(image) == entry.size);
    CHECK(test::sha256_of(image) == entry.digest);
    KeyedRandom unused(0, "grey");
    CHECK(test::sha256_of(make_grayscale({}, {})->apply(image, unused)) == entry.grey);
    REQUIRE_NOTHROW(upright = decode_image(entry.bytes, entry.name, /*apply_exif=*/true));
    CHECK(test::sha256_of(upright) == entry.upright);
    const ImageHead head = read_image_head(entry.bytes);
    CHECK(head.width == image.size(1));
    CHECK(head.height == image.size(0));
  }
  CHECK(seen == refused.size());
}

TEST_CASE("a TIFF that carries an orientation is turned once, whatever data.exif says", "[data][decode]") {
  const KindCase upright = kind_case("turned1.tif"), turned = kind_case("turned6.tif");
  const torch::Tensor expected = orient(decode_image(upright.bytes, upright.name), 6);
  CHECK(decode_image(turned.bytes, turned.name, /*apply_exif=*/false).equal(expected));
  CHECK(decode_image(turned.bytes, turned.name, /*apply_exif=*/true).equal(expected));
  CHECK(exif_orientation(turned.bytes) == 1);  // nothing is left to be turned, and nothing is ignored
}

TEST_CASE("grey values of 16 bits that are clipped are told once for all", "[data][decode]") {
  const auto decode = [](const std::string& name) { decode_image(kind_case(name).bytes, name); };
  const std::string dark = test::logged([&] { decode("grey16_dark.png"), decode("rgb16.png"), decode("rgb16.tif"); });
  CHECK(dark.empty());
  for (const std::string name : {"grey16.png", "grey16_interlaced.png", "grey16.tif", "turned_grey16.tif",
                                 "deep_packed.tif", "p5_65535.pgm", "p2_1000.pgm"}) {
    const std::string told = test::logged([&] { decode(name), decode("grey16_big.tif"), decode(name); });
    INFO(told);
    CHECK(told.find(name + ": has grey values of 16 bits; as Pillow does, all above 255 are made white (this is said "
                           "once); scale such images to 8 bits, or the model sees white areas") != std::string::npos);
    CHECK(told.find("has grey values") == told.rfind("has grey values"));
  }
}

}  // namespace mlrun::data

#endif
