#include <algorithm>
#include <filesystem>

#include "data/image/decode.h"
#include "data/image/decode_jpeg.h"
#include "data/image/reader.h"
#include "data/image/resize.h"
#include "data/images.h"

#ifdef MLRUN_WITH_JPEG

using namespace mlrun;
using namespace mlrun::data;

namespace {

/// A part of a JPEG, which must come row by row and hold the part's columns.
torch::Tensor decode_part(const std::string& bytes, const Box& part, int reduction = 1, bool to_end = true) {
  auto result = torch::empty({part.height, part.width, 3}, torch::kUInt8);
  std::int64_t due = part.top;
  const auto take = [&](std::int64_t top, std::int64_t left, const ImageView& rows) {
    REQUIRE(top == due);
    due += rows.height;
    REQUIRE(left <= part.left);
    REQUIRE(left + rows.width >= part.left + part.width);
    const auto wanted = to_tensor(crop(rows, 0, part.left - left, rows.height, part.width));
    result.slice(0, top - part.top, due - part.top).copy_(wanted);
  };
  JpegFile(bytes, "part.jpg").read(part, reduction, take, to_end);
  REQUIRE(due == part.top + part.height);
  return result;
}

Box drawn_box(std::int64_t height, std::int64_t width, KeyedRandom& random) {
  const auto below = [&](std::int64_t bound) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(bound)));
  };
  Box box;
  box.height = 1 + below(height), box.width = 1 + below(width);
  box.top = below(height - box.height + 1), box.left = below(width - box.width + 1);
  return box;
}

/// Files of all subsamplings, scans and colour spaces, and their whole images.
std::vector<std::string> jpeg_files() {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(test::fixture("data/jpeg_parts"))) {
    files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

TEST_CASE("a part of a JPEG has the bits of the whole", "[data]") {
  const auto files = jpeg_files();
  REQUIRE(files.size() >= 9);
  KeyedRandom random(1, "parts");
  for (const auto& name : files) {
    const std::string bytes = read_file(name);
    const auto whole = decode_image(bytes, name);
    for (int i = 0; i < 60; ++i) {
      const Box box = drawn_box(whole.size(0), whole.size(1), random);
      INFO(name << ": " << box.top << " " << box.left << " " << box.height << " " << box.width);
      const auto expected = to_tensor(crop(view_of(whole), box.top, box.left, box.height, box.width));
      REQUIRE(torch::equal(decode_part(bytes, box), expected));
      REQUIRE(torch::equal(decode_part(bytes, box, 1, false), expected));
    }
  }
}

TEST_CASE("a part of a reduced JPEG has the bits of the reduced whole", "[data]") {
  KeyedRandom random(2, "parts");
  for (const auto& name : jpeg_files()) {
    const std::string bytes = read_file(name);
    const JpegFile file(bytes, name);
    for (const int reduction : {2, 4, 8}) {
      const std::int64_t height = (file.height() + reduction - 1) / reduction;
      const std::int64_t width = (file.width() + reduction - 1) / reduction;
      const auto whole = decode_part(bytes, {0, 0, height, width}, reduction);
      for (int i = 0; i < 12; ++i) {
        const Box box = drawn_box(height, width, random);
        INFO(name << " / " << reduction << ": " << box.top << " " << box.left << " " << box.height << " " << box.width);
        const auto expected = to_tensor(crop(view_of(whole), box.top, box.left, box.height, box.width));
        REQUIRE(torch::equal(decode_part(bytes, box, reduction), expected));
      }
    }
  }
}

TEST_CASE("a pipeline gives a JPEG's bits whether it is decoded before or as needed", "[data]") {
  const std::vector<Json> lists = {{"classification_eval"}, {"classification_train"}, {"random_vertical_flip", "none"}};
  for (const auto& name : jpeg_files()) {
    const auto bytes = std::make_shared<const std::string>(read_file(name));
    const auto whole = decode_image(*bytes, name);
    for (const auto& steps : lists) {
      std::vector<config::Component> list;
      for (const auto& step : steps) list.push_back(test::transform_component(step));
      const Pipeline line(recipes::transforms(), list, {40, 48, 3}, "data.augment");
      for (int i = 0; i < 4; ++i) {
        INFO(name << " " << steps.dump());
        REQUIRE(torch::equal(line.apply(EncodedImage{bytes, name}, {i, 0, 5}), line.apply(whole, {i, 0, 5})));
      }
    }
  }
}

TEST_CASE("corrupt data outside the wanted part are errors", "[data]") {
  std::string bytes = read_file(test::fixture("data/jpeg_parts/restart.jpg"));
  const Box middle{40, 50, 10, 10};
  REQUIRE_NOTHROW(decode_part(bytes, middle));
  const auto error = [&](const std::string& text) { return test::user_error([&] { decode_part(text, middle); }); };
  CHECK(error(bytes.substr(0, bytes.size() - 200)) == "part.jpg: the image is cut short; mend or remove it");
  std::string early = bytes, late = bytes;
  early[early.find("\xFF\xD0") + 1] = '\xD5';  // the first restart marker, far above the part
  late[late.rfind("\xFF\xD3") + 1] = '\xD6';
  CHECK(error(early).find("part.jpg: the JPEG cannot be decoded") == 0);
  CHECK(error(late).find("part.jpg: the JPEG cannot be decoded") == 0);
}

TEST_CASE("what is decoded no further than its part may be corrupt below it, but not cut short", "[data]") {
  const std::string bytes = read_file(test::fixture("data/jpeg_parts/restart.jpg"));
  const Box middle{40, 50, 10, 10};
  const auto part = decode_part(bytes, middle);
  const auto error = [&](const std::string& text) {
    return test::user_error([&] { decode_part(text, middle, 1, false); });
  };
  std::string early = bytes, late = bytes;
  early[early.find("\xFF\xD0") + 1] = '\xD5';
  late[late.rfind("\xFF\xD3") + 1] = '\xD6';
  CHECK(torch::equal(decode_part(late, middle, 1, false), part));
  CHECK(error(early).find("part.jpg: the JPEG cannot be decoded") == 0);
  CHECK(error(bytes.substr(0, bytes.size() - 200)) == "part.jpg: the image is cut short; mend or remove it");
  CHECK(error(bytes.substr(0, bytes.size() - 2)) == "part.jpg: the image is cut short; mend or remove it");
}

TEST_CASE("scaled decoding shifts nothing, and is used only where an image shrinks as much", "[data]") {
  const std::string name = test::fixture("data/jpeg_parts/ramp.jpg").string();
  const auto bytes = std::make_shared<const std::string>(read_file(name));
  TransformContext scaled;
  scaled.scaled_decoding = true;
  const auto difference = [&](const std::string& transform, std::int64_t size, std::int64_t draw) {
    const std::vector<config::Component> list = {test::transform_component(transform, {{"size", {size, size}}})};
    const EncodedImage image{bytes, name};
    const auto exact = Pipeline(recipes::transforms(), list, {}, "data.augment").apply(image, {draw, 0, 0});
    const auto result = Pipeline(recipes::transforms(), list, scaled, "data.augment").apply(image, {draw, 0, 0});
    return (result - exact).abs().slice(1, 1, size - 1).slice(2, 1, size - 1).mul(255);  // what borders lack differs
  };
  CHECK(difference("resize", 58, 0).max().item<double>() == 0);  // 115 rows are not twice as many
  for (const std::int64_t size : {57, 40, 28, 14, 7}) {
    INFO(size);
    CHECK(difference("resize", size, 0).max().item<double>() > 0);
    CHECK(difference("resize", size, 0).mean().item<double>() < 1.2);  // half a pixel of 1/2 is 1.7 or 2, of 1/8 8
    for (int draw = 0; draw < 8; ++draw) {
      CHECK(difference("random_resized_crop", size, draw).mean().item<double>() < 1.2);
    }
  }
}

#endif
