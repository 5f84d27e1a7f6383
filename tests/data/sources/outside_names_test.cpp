#if defined(MLRUN_WITH_OPENCV) || defined(MLRUN_WITH_JPEG)

#include "base/files.h"
#include "data/sources/labelled_files.h"
#include "support.h"

namespace mlrun::data {

TEST_CASE("a label file in a folder names nothing outside of it; a CSV may name any path", "[data]") {
  const test::TempDir folder;
  const std::string image = "P6\n2 1\n255\nabcdef";
  const auto other = folder.write("other/b.ppm", image);
  folder.write("root/a.ppm", image);
  const auto root = folder / "root";
  const std::string file = (root / "labels.csv").string();
  folder.write("root/labels.csv", "path,label\na.ppm,x\n../other/b.ppm,y\n" + other.string() + ",y\n");
  const std::string outside = " lies outside of " + root.string() + "; data.format: csv takes any path";
  CHECK(test::user_error([&] {
          open_flat({}, {root, {}, false});
        }) == file + ":3: '../other/b.ppm'" + outside + "\n" + file + ":4: '" + other.string() + "'" + outside);
  folder.write("root/labels.txt", "a.ppm x\n../other/b.ppm y\n");
  CHECK(test::user_error([&] {
          open_flat({"labels.txt"}, {root, {}, false});
        }) == (root / "labels.txt").string() + ":2: '../other/b.ppm'" + outside);
  CHECK(open_csv({}, {root / "labels.csv", {}, false})->split(Split::Train)->size() == 3);
}

}  // namespace mlrun::data

#endif
