// Any bytes as instances and segments in COCO's form, as the text of runs, and as a table of classes.

#include <vector>

#include "data/sources/class_table.h"
#include "data/sources/coco_annotations.h"
#include "data/sources/panoptic_annotations.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mlrun;
  const std::string_view text = fuzz::bytes_of(data, size);
  fuzz::tolerate([&] {
    const auto found = data::read_coco(text, "f.json");
    for (const auto& object : found.objects) {
      fuzz::require(object.image < found.images.size(), "an object has an image");
      if (object.runs.height > 0) continue;
      const auto mask = object.mask(24, 31);
      fuzz::require(mask.area() >= 0 && mask.area() <= 24 * 31, "a mask lies in its image");
    }
  });
  fuzz::tolerate([&] {
    for (const auto& image : data::read_panoptic(text, "f.json").images) {
      fuzz::require(!image.file.empty() && !image.mask.empty(), "an image has its two files");
    }
  });
  if (const auto runs = data::parse_runs(text, 5, 7)) {
    std::int64_t pixels = 0;
    data::for_each_pixel(*runs, [&](std::int64_t y, std::int64_t x) {
      fuzz::require(y >= 0 && y < 5 && x >= 0 && x < 7, "a pixel lies in the mask");
      ++pixels;
    });
    fuzz::require(pixels == runs->area(), "runs have the pixels that they count");
  }
  fuzz::tolerate([&] {
    const auto table = data::read_class_table(text, "f.csv");
    fuzz::require(table.values.empty() || table.values.size() == table.names.size(), "each class has a value or none");
    fuzz::require(table.colours.empty() || table.colours.size() == table.names.size(),
                  "each class has a colour or none");
  });
  return 0;
}
