#include "data/image/head.h"

#include "base/files.h"
#include "data/image/pnm.h"
#include "support.h"

namespace mlrun::data {

TEST_CASE("sizes are read without decoding", "[data][image_head]") {
  const std::string name =
      GENERATE("rgb.jpg", "grey.jpg", "progressive.jpg", "rotated.jpg", "rgb.png", "palette.png", "rgb.bmp");
  const ImageHead head = read_image_head(read_file(test::fixture("data/decode/" + name)));
  INFO(name);
  REQUIRE(head.width == 17);
  REQUIRE(head.height == 12);
  REQUIRE_FALSE(head.truncated);
}

TEST_CASE("a cut JPEG or PNG is known as such", "[data][image_head]") {
  const std::string name = GENERATE("rgb.jpg", "progressive.jpg", "rotated.jpg", "rgb.png");
  const std::string whole = read_file(test::fixture("data/decode/" + name));
  for (std::size_t size = 8; size < whole.size(); ++size) {
    INFO(name << " cut to " << size);
    REQUIRE(read_image_head(std::string_view(whole).substr(0, size)).truncated);
  }
  REQUIRE_FALSE(read_image_head(whole + "trailing bytes").truncated);
}

TEST_CASE("of other bytes nothing is known", "[data][image_head]") {
  for (const std::string bytes : {"", "B", "GIF89a", "\xFF", "plain text"}) {
    const ImageHead head = read_image_head(bytes);
    REQUIRE(head.width == 0);
    REQUIRE_FALSE(head.truncated);
  }
  REQUIRE(read_image_head("BM").width == 0);
}

TEST_CASE("PGM and PPM say their sizes, and whether all rows are there", "[data][image_head]") {
  const std::string head = "P6\n# a comment 9 9\n4 2\n255\n";
  const std::string whole = head + std::string(24, 'x');
  const ImageHead image = read_image_head(whole);
  CHECK(image.width == 4);
  CHECK(image.height == 2);
  CHECK_FALSE(image.truncated);
  CHECK(read_image_head(std::string_view(whole).substr(0, whole.size() - 1)).truncated);
  CHECK(read_image_head("P5 4 2 255 1234567").truncated);
  CHECK_FALSE(read_image_head("P5 4 2 255 12345678").truncated);
  CHECK(read_image_head("P5 4 2 65535 12345678").truncated);
  CHECK(read_image_head("P5 2000000000 2000000000 255 ").truncated);
  CHECK(read_image_head("P6 99999999999999999999").width == 0);
  CHECK(read_image_head("P6").width == 0);
}

TEST_CASE("a head that is all of a PBM, PGM or PPM is told as an image cut short", "[data][image_head]") {
  for (const std::string bytes : {"P1\n10#\r912", "P1 3 2", "P4 3 2", "P2 3 2 9", "P5 3 2 255"}) {
    CAPTURE(bytes);
    const auto head = read_pnm_head(bytes);
    REQUIRE(head.has_value());
    CHECK(head->begin == bytes.size());
    if (!head->text()) {
      CHECK(pnm_truncated(*head, bytes));
      continue;
    }
    std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * head->width * head->height));
    CHECK_THROWS_WITH(decode_pnm(*head, bytes, "a.pnm", rgb.data()),
                      "a.pnm: the image is cut short; mend or remove it");
  }
}

}  // namespace mlrun::data
