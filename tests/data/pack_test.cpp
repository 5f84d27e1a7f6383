#ifdef MLRUN_WITH_OPENCV

#include "data/pack.h"

#include <algorithm>

#include "base/files.h"
#include "data/sources/labelled_files.h"
#include "data/sources/tar_archive.h"
#include "support.h"

namespace mlrun::data {
namespace {

std::vector<std::string> member_names(const std::filesystem::path& archive) {
  const std::string bytes = read_file(archive);
  const ReadAt read = [&](std::uint64_t at, std::size_t count) { return bytes.substr(at, count); };
  std::vector<std::string> names;
  for (const auto& entry : read_tar(read, bytes.size(), archive.string())) names.push_back(entry.name);
  return names;
}

}  // namespace

TEST_CASE("what is unpacked from shards stays in its folder, whatever the list of files named", "[data]") {
  const test::TempDir folder;
  const std::string image = read_file(test::fixture("data/decode/rgb.png"));
  const auto outside = folder.write("elsewhere/b.png", image);
  folder.write("photos/a.png", image);
  folder.write("lists/c/a.png", image);
  folder.write("lists/labels.csv", "path,label\n../photos/a.png,x\n" + outside.string() + ",y\nc/./a.png,x\n");
  pack_data(*open_csv({}, {folder / "lists/labels.csv", {}, false}), {folder / "packed", 1 << 20});
  const auto names = member_names(folder / "packed/shard-000000.tar");
  CHECK(names.size() == 6);
  for (const auto& name : names) {
    INFO(name);
    CHECK(name.front() != '/');
    CHECK(("/" + name).find("/../") == std::string::npos);
  }
  CHECK(std::count(names.begin(), names.end(), "photos/a.png") == 1);
  CHECK(std::count(names.begin(), names.end(), outside.relative_path().string()) == 1);
}

}  // namespace mlrun::data

#endif
