#ifdef MLRUN_WITH_JPEG

#include "data/image/decode_jpeg.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <vector>

#include "base/files.h"
#include "support.h"

namespace mlrun::data {
namespace {

struct RgbRows {
  std::int64_t height = 0, width = 0;
  std::vector<std::uint8_t> values;
};

RgbRows decode_rows(std::string_view bytes) {
  RgbRows image;
  const auto memory = [&image](std::int64_t height, std::int64_t width) {
    image.height = height;
    image.width = width;
    image.values.resize(static_cast<std::size_t>(3 * height * width));
    return image.values.data();
  };
  decode_jpeg(bytes, "cat.jpg", memory);
  return image;
}

std::string jpeg_bytes(const std::string& name) { return read_file(test::fixture("data/jpeg/" + name)); }

std::string decode_error(std::string_view bytes) {
  return test::user_error([&] { decode_rows(bytes); });
}

/// The place of a marker's segment (its length) in a JPEG without any embedded one.
std::size_t segment(const std::string& bytes, char marker) {
  const std::size_t at = bytes.find(std::string("\xFF") + marker);
  REQUIRE(at != std::string::npos);
  return at + 2;
}

/// The bytes with a frame header that says other sizes.
std::string resized(std::string bytes, std::uint32_t width, std::uint32_t height) {
  const std::size_t frame = segment(bytes, '\xC0');
  const std::uint32_t values[] = {height >> 8, height & 255, width >> 8, width & 255};
  for (std::size_t i = 0; i < 4; ++i) bytes[frame + 3 + i] = static_cast<char>(values[i]);
  return bytes;
}

/// What `action` writes to stderr, through whatever it is written.
template <class Action>
std::string written_to_stderr(Action action) {
  const test::TempDir folder;
  const auto file = folder / "stderr";
  std::fflush(stderr);
  const int before = ::dup(2), target = ::open(file.c_str(), O_CREAT | O_WRONLY, 0600);
  ::dup2(target, 2);
  action();
  std::fflush(stderr);
  ::dup2(before, 2);
  ::close(before);
  ::close(target);
  return read_file(file);
}

}  // namespace

TEST_CASE("JPEGs of every kind decode to Pillow's bits", "[data][jpeg]") {
  std::istringstream digests(jpeg_bytes("digests.tsv"));
  std::string name, size, digest;
  int count = 0;
  while (digests >> name >> size >> digest) {
    INFO(name);
    const RgbRows image = decode_rows(jpeg_bytes(name));
    CHECK(std::to_string(image.width) + "x" + std::to_string(image.height) == size);
    CHECK(sha256(image.values.data(), image.values.size()) == digest);
    ++count;
  }
  CHECK(count == 13);
}

TEST_CASE("a JPEG that ends anywhere before its end-of-image marker is refused", "[data][jpeg]") {
  const std::string name = GENERATE("420.jpg", "progressive.jpg", "restart.jpg", "arithmetic.jpg", "cmyk.jpg");
  const std::string whole = jpeg_bytes(name);
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
    INFO(name << " cut to " << size);
    REQUIRE(decode_error(std::string_view(whole).substr(0, size)).find("cat.jpg: the image is cut short") == 0);
  }
}

TEST_CASE("a JPEG whose end-of-image marker alone is missing decodes, as in Pillow", "[data][jpeg]") {
  const std::string whole = jpeg_bytes("420.jpg");
  const std::string comment("\xFF\xFE\x00\x03!", 5);
  const RgbRows image = decode_rows(whole.substr(0, whole.size() - 2) + comment);
  CHECK(image.values == decode_rows(whole).values);
  CHECK(decode_rows(whole + "trailing bytes").values == image.values);
}

TEST_CASE("corrupt image data are refused, not filled with made-up pixels", "[data][jpeg]") {
  std::string bytes = jpeg_bytes("420.jpg");
  for (std::size_t i = 0; i < 20; ++i)
    bytes[bytes.size() - 200 + i] = i % 2 == 0 ? '\xFF' : '\0';  // no code is all ones
  const std::string printed = written_to_stderr(
      [&] { CHECK(decode_error(bytes).find("cat.jpg: the JPEG cannot be decoded: Corrupt JPEG data: ") == 0); });
  CHECK(printed.empty());
}

TEST_CASE("JPEGs that Pillow refuses are refused by name, and nothing is printed", "[data][jpeg]") {
  std::string deep = jpeg_bytes("420.jpg");
  deep[segment(deep, '\xC0') + 2] = 12;
  std::string wrong_table = jpeg_bytes("420.jpg");
  wrong_table[segment(wrong_table, '\xC4') + 2] = '\x77';
  const std::string out = written_to_stderr([&] {
    CHECK(decode_error(deep) == "cat.jpg: the JPEG has samples of 12 bits; save it with 8 bits a sample");
    CHECK(decode_error(wrong_table) == "cat.jpg: the JPEG cannot be decoded: Bogus DHT index 103; mend or remove it");
    CHECK(decode_error("\xFF\xD8\xFF\xD9") ==
          "cat.jpg: the JPEG cannot be decoded: JPEG datastream contains no image; mend or remove it");
    CHECK(decode_error("this is text").find("cat.jpg: the JPEG cannot be decoded: Not a JPEG file") == 0);
    CHECK(decode_error("") == "cat.jpg: the image is cut short; mend or remove it");
  });
  CHECK(out.empty());
}

TEST_CASE("sizes are checked before memory is asked for", "[data][jpeg]") {
  const std::string bytes = jpeg_bytes("420.jpg");
  const auto refused = [](const std::string& text) {
    return test::user_error([&] {
      decode_jpeg(text, "cat.jpg", [](std::int64_t, std::int64_t) -> std::uint8_t* {
        throw std::runtime_error("memory was asked for");
      });
    });
  };
  CHECK(refused(resized(bytes, 65500, 65500)) ==
        "cat.jpg: the image is too large: 65500 x 65500 pixels; make it smaller than 2^28 pixels");
  CHECK(refused(resized(bytes, 16384, 16384)) == "cat.jpg: the image is cut short: " + std::to_string(bytes.size()) +
                                                     " bytes cannot hold 16384 x 16384 pixels; mend or remove it");
  CHECK(refused(resized(bytes, 0, 7)).find("cat.jpg: the JPEG cannot be decoded: ") == 0);
}

TEST_CASE("what the caller's memory throws comes out, and the next image decodes", "[data][jpeg]") {
  const std::string bytes = jpeg_bytes("ycck.jpg");
  const auto none = [](std::int64_t, std::int64_t) -> std::uint8_t* { throw std::bad_alloc(); };
  CHECK_THROWS_AS(decode_jpeg(bytes, "cat.jpg", none), std::bad_alloc);
  CHECK(decode_rows(bytes).height == 29);
}

TEST_CASE("no bytes whatever make the JPEG decoder fail otherwise than by a UserError", "[data][jpeg]") {
  const std::string whole = jpeg_bytes(GENERATE("progressive.jpg", "ycck.jpg", "restart.jpg"));
  std::uint32_t state = 12345;
  const auto draw = [&state](std::size_t below) {
    state = state * 1664525U + 1013904223U;
    return (state >> 8) % below;
  };
  int refused = 0;
  for (int round = 0; round < 300; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 3; ++i) bytes[draw(bytes.size())] = static_cast<char>(draw(256));
    try {
      decode_rows(bytes);
    } catch (const UserError&) {
      ++refused;
    }
  }
  CHECK(refused > 10);
}

}  // namespace mlrun::data

#endif
