#ifdef MLRUN_WITH_OPENCV

#include "data/verify.h"

#include <torch/types.h>

#include "base/random.h"
#include "data/masks.h"
#include "data/sources/image_folder.h"
#include "data/sources/segmentation_folder.h"
#include "support.h"

namespace mlrun::data {
namespace {

/// A smooth picture of 40 x 40 that the seed decides; `offset` is added to every value.
std::string smooth_image(std::uint64_t seed, int offset = 0) {
  std::vector<double> coarse(25);
  KeyedRandom random(seed, "picture");
  for (auto& value : coarse) value = random.uniform(20, 220);
  std::string text = "P6\n40 40\n255\n";
  for (std::size_t y = 0; y < 40; ++y) {
    for (std::size_t x = 0; x < 40; ++x) {
      text += std::string(3, static_cast<char>(static_cast<int>(coarse[y / 8 * 5 + x / 8]) + offset));
    }
  }
  return text;
}

Findings verify_folder(const test::TempDir& folder, const LikeOptions& likeness = {}) {
  return verify_data({open_image_folder({}, {folder.path(), {}}), "photos", "image_folder", false, 3}, likeness);
}

}  // namespace

TEST_CASE("verify names what cannot be read, what is equal and what looks alike", "[data][verify]") {
  const test::TempDir folder;
  for (std::uint64_t i = 0; i < 6; ++i) {
    folder.write((i < 3 ? "train/a/" : "train/b/") + std::to_string(i) + ".ppm", smooth_image(i));
  }
  folder.write("test/a/same.ppm", smooth_image(1));
  folder.write("test/b/like.ppm", smooth_image(2, 3));
  folder.write("test/b/other.ppm", smooth_image(99));
  folder.write("test/b/same.ppm", smooth_image(1));
  folder.write("test/b/text.jpg", "no image");
  folder.write("train/b/empty.png", "");
  const Findings found = verify_folder(folder);
  REQUIRE(found.problems.size() == 2);
  REQUIRE(found.problems[0].text().find((folder / "train/b/empty.png").string() + ": ") == 0);
  REQUIRE(found.problems[1].text().find((folder / "test/b/text.jpg").string() + ": ") == 0);
  REQUIRE(found.json["samples"] == 12);
  REQUIRE(found.json["unreadable"][0]["id"] == "train/b/empty.png");
  REQUIRE(found.json["unreadable"][1]["split"] == "test");
  const Json& equal = found.json["equal"];
  REQUIRE(equal["groups"] == 1);
  REQUIRE(equal["across_splits"] == 1);
  REQUIRE(equal["conflicting_labels"] == 1);
  REQUIRE(equal["list"][0]["samples"] == Json::parse(R"([{"split":"train","id":"train/a/1.ppm","label":"a"},
                          {"split":"test","id":"test/a/same.ppm","label":"a"},
                          {"split":"test","id":"test/b/same.ppm","label":"b"}])"));
  const Json& alike = found.json["alike"];
  REQUIRE(alike["pairs"] == 1);
  REQUIRE(alike["across_splits"] == 1);
  REQUIRE(alike["conflicting_labels"] == 1);
  REQUIRE(alike["list"][0]["a"]["id"] == "train/a/2.ppm");
  REQUIRE(alike["list"][0]["b"]["id"] == "test/b/like.ppm");
  REQUIRE(found.text.find("12 samples read, 2 cannot be\n1 group of equal samples, 1 across splits, 1 with labels that "
                          "differ\n") == 0);
}

TEST_CASE("verify of sound data has nothing to say", "[data][verify]") {
  const test::TempDir folder;
  for (std::uint64_t i = 0; i < 8; ++i)
    folder.write((i < 4 ? "a/" : "b/") + std::to_string(i) + ".ppm", smooth_image(i));
  const Findings found = verify_folder(folder);
  REQUIRE(found.problems.empty());
  REQUIRE(found.text ==
          "8 samples read, 0 cannot be\n0 groups of equal samples, 0 across splits, 0 with labels that differ\n"
          "0 pairs that look alike, 0 across splits, 0 with labels that differ\n");
}

TEST_CASE("a signature is of grey and of colour images alike", "[data][verify]") {
  const torch::Tensor grey = torch::arange(64 * 64, torch::kInt).remainder(251).to(torch::kByte).reshape({64, 64, 1});
  const Signature one = signature_of(grey), three = signature_of(grey.expand({64, 64, 3}).contiguous());
  REQUIRE(one.grey == three.grey);
  REQUIRE(one.gradients == three.gradients);
  REQUIRE(signature_of(torch::full({3, 5, 1}, 9, torch::kByte)).grey[7] == 9);
}

TEST_CASE("verify names broken masks, and what is wrong with the others", "[data][verify]") {
  const test::TempDir folder;
  for (const char* name : {"a", "b", "c", "d"}) {
    folder.write(std::string("images/") + name + ".png", test::grey_png({1, 2, 3, 4}, 2));
    folder.write(std::string("masks/") + name + ".png", test::grey_png({0, 1, 0, 1}, 2));
  }
  folder.write("masks/b.png", test::grey_png({255, 255, 255, 255}, 2));
  folder.write("masks/c.png", test::grey_png({0, 9, 0, 1}, 2));
  folder.write("masks/d.png", test::grey_png({0, 8, 0, 1}, 2));
  SegmentationFolderOptions options;
  options.classes = {"ground", "cat", "dog"};
  const Findings found = verify_data(
      {open_segmentation_folder(options, {folder.path(), {}}), "scenes", "segmentation_folder", false, 2}, {});
  REQUIRE(found.problems.size() == 2);
  CHECK(found.problems[0].text().find((folder / "masks/c.png").string() + ": has the value 9, which no class has") ==
        0);
  CHECK(found.problems[1].text().find((folder / "masks/d.png").string() + ": has the value 8") == 0);
  CHECK(found.json["masks"]["warnings"] ==
        Json({"1 of the 2 masks of train count for nothing, all their pixels being ignored, as that of images/b.png",
              "no pixel of train is of the class 'dog'"}));
  CHECK(found.text.find("mind: no pixel of train is of the class 'dog'\n") != std::string::npos);
}

}  // namespace mlrun::data

#endif
