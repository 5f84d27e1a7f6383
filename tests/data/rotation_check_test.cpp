#include "data/rotation_check.h"

#include <fstream>

#include <torch/types.h>

#include "base/files.h"
#include "base/log.h"
#include "support.h"

namespace mlrun::data {
namespace {

/// Samples that are files.
class FileList : public Source {
 public:
  explicit FileList(std::vector<std::filesystem::path> files) : files_(std::move(files)) {}
  std::int64_t size() const override { return static_cast<std::int64_t>(files_.size()); }
  Sample get(const SampleKey&) const override { throw UserError("no image is decoded for this"); }
  SampleFacts facts(std::int64_t index) const override {
    return {std::to_string(index), {0}, files_[static_cast<std::size_t>(index)]};
  }

 private:
  std::vector<std::filesystem::path> files_;
};

std::filesystem::path decode_fixture(const std::string& name) { return test::fixture("data/decode/" + name); }

/// What is warned of for `source`.
std::string warning_for(const Source& source) {
  const test::TempDir folder;
  log::set_level(log::Level::Off);
  log::set_file(folder / "log");
  warn_of_ignored_rotations(source);
  log::set_file("");
  log::set_level(log::Level::Info);
  return std::filesystem::exists(folder / "log") ? read_file(folder / "log") : "";
}

}  // namespace

TEST_CASE("rotated images are counted by their heads", "[data][exif]") {
  const FileList source({decode_fixture("rgb.jpg"), decode_fixture("rotated.jpg"), decode_fixture("rgb.png"),
                         decode_fixture("gone.jpg"), decode_fixture("rotated.jpg")});
  const Rotations found = count_rotations(source);
  CHECK(found.inspected == 4);
  CHECK(found.rotated == 2);
  CHECK(warning_for(source).find("2 of 4 images looked at carry an EXIF rotation, which is ignored") !=
        std::string::npos);
  CHECK(warning_for(source).find("data.exif: apply") != std::string::npos);
  CHECK(warning_for(FileList({decode_fixture("rgb.jpg")})).find("EXIF") == std::string::npos);
}

TEST_CASE("of many files some are looked at, spread over all", "[data][exif]") {
  std::vector<std::filesystem::path> files(1000, decode_fixture("rgb.jpg"));
  for (std::size_t i = 500; i < 1000; ++i) files[i] = decode_fixture("rotated.jpg");
  const Rotations found = count_rotations(FileList(files), 100);
  CHECK(found.inspected == 100);
  CHECK(found.rotated == 50);
}

TEST_CASE("sources without files of their own have nothing to look at", "[data][exif]") {
  CHECK(count_rotations(FileList({std::filesystem::path()})).inspected == 0);
  CHECK(count_rotations(FileList({})).inspected == 0);
}

TEST_CASE("a rotation that a WebP file has behind its pixels is seen", "[data][exif]") {
  const auto root = test::real_data("jpeg-robustness");
  if (!root) return;
  CHECK(count_rotations(FileList({*root / "pillow-other/hopper_orientation_6.webp"})).rotated == 1);
}

}  // namespace mlrun::data
