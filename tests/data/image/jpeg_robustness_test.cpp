#if defined(MLRUN_WITH_JPEG) && defined(MLRUN_WITH_OPENCV)

#include <map>
#include <sstream>

#include <torch/types.h>

#include "data/image/decode.h"
#include "data/image/exif.h"
#include "data/images.h"

namespace mlrun::data {
namespace {

/// Where we differ from Pillow 9.4.0, and why.
const std::map<std::string, std::string>& exceptions() {
  static const std::map<std::string, std::string> list = {
      {"pillow/truncated_exif_dpi.jpg", "decoded: Pillow stumbles over a resolution tag, the image is whole"},
      {"pillow-other/hopper_rle8_row_overflow.bmp", "refused: a run-length code leaves its row"},
      {"pillow-other/dispose_bgnd_rgba.gif", "refused: GIF is not among our formats"},
      {"pillow-other/no_palette_after_rgb.gif", "refused: GIF is not among our formats"},
      {"pillow-other/no_palette_with_transparency.gif", "refused: GIF is not among our formats"}};
  return list;
}

/// `refused`, or size and digest.
std::string outcome(const std::string& bytes, const std::string& name, bool apply_exif) {
  try {
    const torch::Tensor image = decode_image(bytes, name, apply_exif);
    REQUIRE(image.is_contiguous());
    return std::to_string(image.size(1)) + "x" + std::to_string(image.size(0)) + " " + test::sha256_of(image);
  } catch (const UserError& error) {
    CHECK(std::string(error.what()).find(name + ": ") == 0);
    return "refused";
  }
}

}  // namespace

TEST_CASE("every file of jpeg-robustness decodes as in Pillow or is refused", "[data][decode]") {
  const auto root = test::real_data("jpeg-robustness");
  if (!root) return;
  std::istringstream lines(read_file(test::fixture("data/jpeg_robustness.tsv")));
  std::string path, size, digest, orientation, turned;
  int equal = 0, refused = 0, different = 0;
  while (lines >> path >> size >> digest >> orientation >> turned) {
    INFO(path);
    const std::string bytes = read_file(*root / path);
    const std::string ours = outcome(bytes, path, false);
    const std::string pillows = size == "refused" ? size : size + " " + digest;
    if (exceptions().count(path) > 0) {
      CHECK(ours != pillows);
      CHECK((ours == "refused") == (exceptions().at(path).find("refused: ") == 0));
      ++different;
      continue;
    }
    CHECK(ours == pillows);
    ++(ours == "refused" ? refused : equal);
    if (ours == "refused") continue;
    CHECK(std::to_string(exif_orientation(bytes)) == orientation);
    const std::string applied = outcome(bytes, path, true);
    CHECK(applied.substr(applied.find(' ') + 1) == turned);
  }
  CHECK(equal == 97);
  CHECK(refused == 7);
  CHECK(different == 5);
}

}  // namespace mlrun::data

#endif
