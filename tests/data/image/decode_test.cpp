#ifdef MLRUN_WITH_OPENCV

#include "data/image/decode.h"

#include <torch/types.h>

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

TEST_CASE("each of the eight orientations turns and mirrors as EXIF says", "[data][decode]") {
  // Where the stored corner goes: 1 2 3 over 4 5 6, in the first of three equal channels.
  const auto image = torch::arange(1, 7, torch::kByte).view({2, 3, 1}).repeat({1, 1, 3});
  const std::vector<std::vector<int>> expected = {{1, 2, 3, 4, 5, 6}, {3, 2, 1, 6, 5, 4}, {6, 5, 4, 3, 2, 1},
                                                  {4, 5, 6, 1, 2, 3}, {1, 4, 2, 5, 3, 6}, {4, 1, 5, 2, 6, 3},
                                                  {6, 3, 5, 2, 4, 1}, {3, 6, 2, 5, 1, 4}};
  for (int orientation = 1; orientation <= 8; ++orientation) {
    INFO(orientation);
    const auto turned = orient(image, orientation);
    CHECK(turned.is_contiguous());
    CHECK(turned.size(0) == (orientation < 5 ? 2 : 3));
    const auto values = turned.select(2, 1).contiguous().view({-1}).to(torch::kInt);
    const auto& wanted = expected[static_cast<std::size_t>(orientation - 1)];
    for (std::int64_t i = 0; i < 6; ++i) CHECK(values[i].item<int>() == wanted[static_cast<std::size_t>(i)]);
  }
  CHECK(orient(image, 0).equal(image));
}

TEST_CASE("grey values of 16 bits are clipped, as in Pillow", "[data][decode]") {
  const auto root = test::real_data("jpeg-robustness");
  if (!root) return;
  const auto image = decode_image(read_file(*root / "pngsuite/basn0g16.png"), "basn0g16.png");
  CHECK(image.max().item<int>() == 255);
  CHECK(image.eq(255).to(torch::kFloat).mean().item<double>() > 0.9);
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
