#ifdef MLRUN_WITH_OPENCV

#include "data/decode.h"

#include <torch/torch.h>

#include "base/files.h"
#include "support.h"

namespace mlrun::data {
namespace {

/// The pixels of a binary PPM with a header of three lines.
torch::Tensor read_ppm(const std::string& bytes, std::int64_t height, std::int64_t width) {
  const auto size = static_cast<std::size_t>(3 * height * width);
  REQUIRE(bytes.size() > size);
  const std::string pixels = bytes.substr(bytes.size() - size);
  return torch::from_blob(const_cast<char*>(pixels.data()), {height, width, 3}, torch::kByte).clone();
}

std::string png_of(std::uint32_t width, std::uint32_t height) {
  std::string bytes = read_file(test::fixture("data/decode/rgb.png"));
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[16 + i] = static_cast<char>(width >> (24 - 8 * i));
    bytes[20 + i] = static_cast<char>(height >> (24 - 8 * i));
  }
  return bytes;
}

}  // namespace

TEST_CASE("images decode to the bytes that Pillow gives", "[data][decode]") {
  // rotated.jpg has an EXIF orientation, which is ignored.
  const std::string name = GENERATE("rgb.jpg", "rotated.jpg", "progressive.jpg", "grey.jpg", "rgb.png", "grey.png",
                                    "palette.png", "transparent.png", "rgb.bmp", "rgb.webp", "rgb.tif", "rgb.png.ppm");
  const std::string base = name.substr(name.size() - 4) == ".ppm" ? name : name + ".ppm";
  const auto image = decode_image(read_file(test::fixture("data/decode/" + name)), name);
  INFO(name);
  REQUIRE(image.scalar_type() == torch::kByte);
  REQUIRE(image.is_contiguous());
  REQUIRE(image.sizes() == torch::IntArrayRef({12, 17, 3}));
  REQUIRE(torch::equal(image, read_ppm(read_file(test::fixture("data/decode/" + base)), 12, 17)));
}

TEST_CASE("an EXIF orientation is applied on request", "[data][decode]") {
  const std::string bytes = read_file(test::fixture("data/decode/rotated.jpg"));  // orientation 6: a quarter turn right
  const auto plain = decode_image(bytes, "rotated.jpg");
  const auto turned = decode_image(bytes, "rotated.jpg", /*apply_exif=*/true);
  REQUIRE(turned.is_contiguous());
  CHECK(turned.equal(plain.rot90(-1, {0, 1})));
}

TEST_CASE("what is no image is refused by name", "[data][decode]") {
  const auto error = [](const std::string& bytes) { return test::user_error([&] { decode_image(bytes, "cat.jpg"); }); };
  REQUIRE(error("") == "cat.jpg: the file is empty; mend or remove it");
  REQUIRE(error("hello") == "cat.jpg: is not an image that can be decoded; mend or remove it");
  REQUIRE(error(std::string(1000, '\0')) == "cat.jpg: is not an image that can be decoded; mend or remove it");
}

TEST_CASE("an image that ends too early is refused", "[data][decode]") {
  const std::string name = GENERATE("rgb.jpg", "progressive.jpg", "rgb.png");
  const std::string whole = read_file(test::fixture("data/decode/" + name));
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    INFO(name << " cut to " << size);
    REQUIRE(test::user_error([&] { decode_image(std::string_view(whole).substr(0, size), name); }).find(name) == 0);
  }
}

TEST_CASE("an image of too many pixels is refused before it is decoded", "[data][decode]") {
  REQUIRE(test::user_error([] { decode_image(png_of(16385, 16384), "big.png"); }) ==
          "big.png: the image is too large: 16385 x 16384 pixels; make it smaller than 2^28 pixels");
  REQUIRE(test::user_error([] { decode_image(png_of(0xFFFFFFFF, 0xFFFFFFFF), "big.png"); }).find("too large") !=
          std::string::npos);
  // OpenCV itself refuses sizes that our look at the header does not know.
  REQUIRE(test::user_error([] { decode_image("P6\n2000000 2\n255\nabc", "wide.ppm"); }).find("wide.ppm: ") == 0);
}

}  // namespace mlrun::data

#endif
