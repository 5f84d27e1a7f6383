#include "data/sources/label_paths.h"

#include <filesystem>

#include "logged.h"

namespace mlrun::data {
namespace {

const std::string kCafeComposed = "caf\xC3\xA9.jpg", kCafeApart = "cafe\xCC\x81.jpg";

struct Located {
  std::vector<std::string> paths;  // with the sizes of their files
  std::string told;
};

Located locate(const test::TempDir& folder, const std::vector<std::string>& paths) {
  LabelledList list;
  for (const auto& path : paths) {
    LabelledEntry entry;
    entry.path = path;
    entry.label = "x";
    entry.line = static_cast<int>(list.entries.size()) + 2;
    list.entries.push_back(entry);
  }
  Located located;
  std::string refused;
  located.told = test::logged([&] {
    try {
      locate_images(list, folder.path(), "l.csv");
    } catch (const UserError& error) {
      refused = error.what();
    }
  });
  if (!refused.empty()) located.told = refused;
  for (const auto& entry : list.entries) located.paths.push_back(entry.path + " " + std::to_string(entry.size));
  return located;
}

using Paths = std::vector<std::string>;

}  // namespace

TEST_CASE("paths are taken as they are written where they are there", "[data][label_paths]") {
  const test::TempDir folder;
  folder.write("a/1.jpg", "12");
  folder.write("a\\1.jpg", "123");  // a name like others on Linux
  const Located located = locate(folder, {"a/1.jpg", "a\\1.jpg"});
  CHECK(located.paths == Paths{"a/1.jpg 2", "a\\1.jpg 3"});
  CHECK(located.told.empty());
}

TEST_CASE("backslashes of Windows are read as slashes and told once", "[data][label_paths]") {
  const test::TempDir folder;
  for (const char* name : {"b/1.jpg", "a/x/2.jpg", "c.jpg"}) folder.write(name, "12");
  const Located located = locate(folder, {"c.jpg", "b\\1.jpg", ".\\a\\x\\2.jpg"});
  CHECK(located.paths == Paths{"a/x/2.jpg 2", "b/1.jpg 2", "c.jpg 2"});
  CHECK(located.told ==
        "warning l.csv: 2 paths are written with backslashes, which are read as slashes, as 'b\\1.jpg'\n");
  CHECK(locate(folder, {"b/1.jpg", "b\\1.jpg"}).told.find("'b/1.jpg' stands here and in line 2") != std::string::npos);
  CHECK(locate(folder, {"C:\\photos\\1.jpg"}).told ==
        "l.csv:2: 'C:\\photos\\1.jpg' is not there; write it relative to this file, with / between the folders");
}

TEST_CASE("names are found whose accents are written in another way", "[data][label_paths]") {
  const test::TempDir folder;
  folder.write("one/" + kCafeComposed, "1");
  folder.write("two/" + kCafeApart, "12");
  folder.write(kCafeApart.substr(0, 6) + "/deep.jpg", "123");
  const Located located =
      locate(folder, {"one/" + kCafeApart, "two\\" + kCafeComposed, kCafeComposed.substr(0, 5) + "/deep.jpg"});
  CHECK(located.paths ==
        Paths{kCafeApart.substr(0, 6) + "/deep.jpg 3", "one/" + kCafeComposed + " 1", "two/" + kCafeApart + " 2"});
  CHECK(located.told.find(
            "warning l.csv: 3 paths are written with other accents than on disk (Unicode's NFC and NFD), and "
            "taken for the files there, as 'one/" +
            kCafeApart + "'\n") != std::string::npos);
  folder.write("both/" + kCafeComposed, "1");
  folder.write("both/" + kCafeApart, "1");
  CHECK(locate(folder, {"both/" + kCafeApart, "both/" + kCafeComposed}).told.empty());
  CHECK(locate(folder, {"one/cafe.jpg"}).told.find("'one/cafe.jpg' is not there") != std::string::npos);
}

TEST_CASE("images that are not there are told with their lines", "[data][label_paths]") {
  const test::TempDir folder;
  std::filesystem::create_directory(folder / "dir.jpg");
  const std::string hint = "; paths are relative to " + folder.path().string();
  CHECK(locate(folder, {"gone.jpg", "dir.jpg", "a\\b.jpg"}).told == "l.csv:2: 'gone.jpg' is not there" + hint +
                                                                        "\nl.csv:3: 'dir.jpg' is no file" + hint +
                                                                        "\nl.csv:4: 'a\\b.jpg' is not there" + hint);
}

}  // namespace mlrun::data
