#ifdef MLRUN_WITH_OPENCV

#include "data/sources/image_folder.h"

#include <map>
#include <set>

#include <torch/types.h>

#include "logged.h"
#include "support.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

/// An image of one colour, as PPM.
std::string ppm(int width, int height, char value) {
  return "P6\n" + std::to_string(width) + " " + std::to_string(height) + "\n255\n" +
         std::string(static_cast<std::size_t>(3 * width * height), value);
}

std::shared_ptr<const Dataset> open_folder(const fs::path& root, const config::SplitOptions& split = {}) {
  return open_image_folder({}, {root, split});
}

/// `count` images in each of the classes below `prefix`.
void fill(const test::TempDir& folder, const std::string& prefix, const std::vector<std::string>& classes, int count) {
  for (const auto& name : classes) {
    for (int i = 0; i < count; ++i) {
      folder.write(prefix + name + "/" + std::to_string(i) + ".ppm", ppm(3, 2, static_cast<char>(i)));
    }
  }
}

std::vector<std::string> ids(const Source& source) {
  std::vector<std::string> list;
  for (std::int64_t i = 0; i < source.size(); ++i) list.push_back(source.get({i, 0, 0}).id);
  return list;
}

std::string open_error(const test::TempDir& folder, const config::SplitOptions& split = {}) {
  const std::string text = test::user_error([&] { open_folder(folder.path(), split); });
  const std::string root = folder.path().string();
  return text.find(root) == 0 ? text.substr(root.size()) : text;
}

}  // namespace

TEST_CASE("classes are the folders in code point order", "[data][image_folder]") {
  const test::TempDir folder;
  fill(folder, "", {"zebra", "Ant", "\xC3\xA9toile", "10", "9"}, 2);
  folder.write("README.txt", "not a class");
  folder.write(".git/x.jpg", "not a class");
  const auto data = open_folder(folder.path());
  REQUIRE(data->info().classes == std::vector<std::string>{"10", "9", "Ant", "zebra", "\xC3\xA9toile"});
  REQUIRE(data->info().channels == 3);
  REQUIRE(data->split(Split::Val) == nullptr);
  REQUIRE(data->split(Split::Test) == nullptr);
  const auto train = data->split(Split::Train);
  REQUIRE(train->size() == 10);
  const Sample sample = train->get({7, 0, 0});
  REQUIRE(sample.id == "zebra/1.ppm");
  REQUIRE(sample.index == 7);
  REQUIRE(sample.targets.tensor("label").item<std::int64_t>() == 3);
  REQUIRE(torch::equal(sample.inputs.tensor("image"), torch::ones({2, 3, 3}, torch::kByte)));
}

TEST_CASE("shares divide a folder of classes", "[data][image_folder]") {
  const test::TempDir folder;
  fill(folder, "", {"a", "b"}, 10);
  config::SplitOptions split;
  split.test = 0.2;
  const auto data = open_folder(folder.path(), split);
  REQUIRE(data->split(Split::Val) == nullptr);
  const auto train = ids(*data->split(Split::Train));
  const auto test = ids(*data->split(Split::Test));
  REQUIRE(train.size() == 16);
  REQUIRE(test.size() == 4);
  std::set<std::string> all(train.begin(), train.end());
  all.insert(test.begin(), test.end());
  REQUIRE(all.size() == 20);
  REQUIRE(ids(*open_folder(folder.path(), split)->split(Split::Test)) == test);
}

TEST_CASE("folders named train, val and test are splits", "[data][image_folder]") {
  const test::TempDir folder;
  fill(folder, "train/", {"a", "b", "c"}, 10);
  fill(folder, "val/", {"b", "a"}, 3);
  const auto data = open_folder(folder.path());
  REQUIRE(data->info().classes == std::vector<std::string>{"a", "b", "c"});
  REQUIRE(data->split(Split::Train)->size() == 30);
  REQUIRE(data->split(Split::Test) == nullptr);
  const auto val = data->split(Split::Val);
  REQUIRE(ids(*val) == std::vector<std::string>{"val/a/0.ppm", "val/a/1.ppm", "val/a/2.ppm", "val/b/0.ppm",
                                                "val/b/1.ppm", "val/b/2.ppm"});
  REQUIRE(val->get({3, 0, 0}).targets.tensor("label").item<std::int64_t>() == 1);

  config::SplitOptions split;
  split.test = 0.1;
  REQUIRE(open_folder(folder.path(), split)->split(Split::Test)->size() == 3);
  REQUIRE(open_folder(folder.path(), split)->split(Split::Train)->size() == 27);
  split.val = 0.1;
  REQUIRE(open_error(folder, split) == "data.split.val: the data set has a val split of its own; remove this share");

  fill(folder, "test/", {"a", "d"}, 1);
  REQUIRE(open_error(folder) == "/test/d: train has no class 'd'; the splits must hold the same classes");
}

TEST_CASE("classes may be called train and test", "[data][image_folder]") {
  const test::TempDir folder;
  fill(folder, "", {"bus", "test", "train"}, 1);
  REQUIRE(open_folder(folder.path())->info().classes == std::vector<std::string>{"bus", "test", "train"});
}

TEST_CASE("roots that hold no images of classes are refused", "[data][image_folder]") {
  const test::TempDir folder;
  REQUIRE(open_error(folder) == ": holds no class folders; put each class's images into a folder with its name");
  folder.write("loose.jpg", "");
  REQUIRE(open_error(folder).find(": holds no class folders") == 0);
  fill(folder, "", {"a"}, 1);
  fs::create_directory(folder / "b");
  folder.write("b/notes.txt", "");
  REQUIRE(
      open_error(folder) ==
      "/b: the class folder holds no images, but 1 .txt; jpg, jpeg, jpe, jfif, png, bmp, webp, tif, tiff, ppm, pgm, "
      "pbm and pnm files count; remove the folder or fill it");
  fs::remove(folder / "b/notes.txt");
  REQUIRE(open_error(folder).find("/b: the class folder holds no images; jpg, ") == 0);
  REQUIRE(test::user_error([&] { open_folder(folder / "none"); }).find("data.root: there is no folder") == 0);
}

TEST_CASE("what lies among the classes and is left out is told", "[data][image_folder]") {
  const test::TempDir folder;
  fill(folder, "", {"a", "b"}, 2);
  for (const char* name : {"a/x.gif", "a/in/y.GIF", "b/z.heic", "b/.hidden.gif", "b/Thumbs.db", "__MACOSX/._a.jpg"}) {
    folder.write(name, "");
  }
  for (const char* name : {"loose.jpg", "loose.gif", "README.md"}) folder.write(name, "");
  folder.write("a/one.jfif", ppm(1, 1, 1));
  folder.write("a/two.JPE", ppm(1, 1, 1));
  std::shared_ptr<const Dataset> data;
  const std::string root = folder.path().string();
  CHECK(test::logged([&] { data = open_folder(folder.path()); }) ==
        "warning " + root +
            ": 3 files are left out: 2 .gif, 1 .heic, as 'a/in/y.GIF'; images of such kinds are not read: convert them "
            "to "
            "PNG or JPEG\nwarning " +
            root + "/: 2 images lie in no class's folder and are left out, as 'loose.gif'\n");
  CHECK(data->info().classes == std::vector<std::string>{"a", "b"});
  CHECK(data->split(Split::Train)->size() == 6);
}

TEST_CASE("folders are opened as splits under their usual names, and as classes on request", "[data][image_folder]") {
  const test::TempDir folder;
  fill(folder, "Training/", {"a", "b"}, 3);
  fill(folder, "Validation/", {"a", "b"}, 1);
  fill(folder, "Testing/", {"b"}, 2);
  for (const char* name : {"loose.png", "Validation/loose.png"}) folder.write(name, "");
  std::shared_ptr<const Dataset> data;
  const std::string root = folder.path().string(), told = test::logged([&] { data = open_folder(folder.path()); });
  CHECK(told.find("warning " + root + ": 1 image lies in no class's folder and is left out: 'loose.png'\n") == 0);
  CHECK(told.find("warning " + root + "/Validation/: 1 image lies in no class's folder") != std::string::npos);
  CHECK(data->info().classes == std::vector<std::string>{"a", "b"});
  CHECK(data->split(Split::Train)->size() == 6);
  CHECK(ids(*data->split(Split::Val)) == std::vector<std::string>{"Validation/a/0.ppm", "Validation/b/0.ppm"});
  CHECK(data->split(Split::Test)->size() == 2);
  config::SplitOptions shares;
  shares.val = 0.5;
  CHECK(open_error(folder, shares) == "data.split.val: the data set has a val split of its own; remove this share");
  const auto classes = open_image_folder({"classes"}, {folder.path(), {}});
  CHECK(classes->info().classes == std::vector<std::string>{"Testing", "Training", "Validation"});
}

TEST_CASE("names of classes and files that cannot be kept are refused", "[data][image_folder]") {
  const test::TempDir folder;
  fill(folder, "", {"a", "caf\xE9"}, 1);
  CHECK(open_error(folder) == ": the class name 'caf\\xe9' is not UTF-8 text; rename the class");
  fs::rename(folder / "caf\xE9", folder / "b");
  folder.write("b/\xE9.ppm", ppm(1, 1, 1));
  CHECK(open_error(folder).find(": 1 name is not UTF-8 text: 'b/\\xe9.ppm'; rename them in UTF-8") == 0);
  const test::TempDir splits;
  fill(splits, "train/", {"caf\xC3\xA9"}, 1);
  fill(splits, "val/", {"cafe\xCC\x81"}, 1);
  CHECK(open_error(splits) ==
        "/val/cafe\xCC\x81: train has no class 'cafe\xCC\x81', but 'caf\xC3\xA9', which looks the "
        "same: their letters and accents are written in two ways (Unicode's NFC and NFD); the "
        "splits must hold the same classes");
}

TEST_CASE("an image that cannot be read is named when it is asked for", "[data][image_folder]") {
  const test::TempDir folder;
  fill(folder, "", {"a"}, 2);
  folder.write("b/broken.jpg", "this is text");
  folder.write("b/gone.jpg", "");
  const auto train = open_folder(folder.path())->split(Split::Train);
  fs::remove(folder / "b/gone.jpg");
  REQUIRE_NOTHROW(train->get({1, 0, 0}));
  REQUIRE(test::user_error([&] {
            train->get({2, 0, 0});
          }) == (folder / "b/broken.jpg").string() + ": is not an image that can be decoded; mend or remove it");
  REQUIRE(test::user_error([&] { train->get({3, 0, 0}); }).find((folder / "b/gone.jpg").string() + ": ") == 0);
}

TEST_CASE("images of a group stay together", "[data][image_folder]") {
  const test::TempDir folder;
  for (int i = 0; i < 60; ++i) {
    const std::string name = "p" + std::to_string(i / 6) + "_" + std::to_string(i) + ".ppm";
    folder.write((i % 2 == 0 ? "a/" : "b/") + name, ppm(1, 1, 5));
  }
  config::SplitOptions split;
  split.val = 0.2;
  split.group = "/(p[0-9]+)_";
  const auto source = open_folder(folder.path(), split)->split(Split::Val);
  REQUIRE(source->size() == 12);
  std::map<std::string, int> of_group;
  for (std::int64_t i = 0; i < source->size(); ++i) {
    const std::string id = source->facts(i).id;
    ++of_group[id.substr(2, id.find('_') - 2)];
  }
  REQUIRE(of_group.size() == 2);
  for (const auto& [group, count] : of_group) REQUIRE(count == 6);
  split.group = "parent";
  REQUIRE(
      open_error(folder, split) ==
      "data.split.group: 'a/p0_0.ppm' lies in its class's folder itself: `parent` would keep the class together, not "
      "a group; put each group's images into a folder of its own, or write a regular expression");
  split.group = "x(y)";
  REQUIRE(open_error(folder, split).find("data.split.group: 'x(y)' finds no group in 'a/p0_0.ppm'") == 0);
}

TEST_CASE("images of a group lie in one folder each", "[data][image_folder]") {
  const test::TempDir folder;
  for (const char* patient : {"a/p1", "a/p2", "b/p3", "b/p4"}) fill(folder, "", {patient}, 5);
  config::SplitOptions split;
  split.test = 0.5;
  split.group = "parent";
  const auto data = open_folder(folder.path(), split);
  REQUIRE(data->info().classes == std::vector<std::string>{"a", "b"});
  const auto source = data->split(Split::Test);
  std::set<std::string> folders;
  for (std::int64_t i = 0; i < source->size(); ++i) folders.insert(source->facts(i).id.substr(0, 4));
  REQUIRE(folders.size() == 2);
  REQUIRE(folders.begin()->front() != folders.rbegin()->front());  // one of each class
}

TEST_CASE("the order of files on disk does not matter", "[data][image_folder]") {
  const test::TempDir one, two;
  const std::vector<std::string> names = {"a/1.ppm", "b/1.ppm", "a/0.ppm", "b/x/2.ppm", "b/x.ppm"};
  for (auto name = names.begin(); name != names.end(); ++name) one.write(*name, ppm(1, 1, 5));
  for (auto name = names.rbegin(); name != names.rend(); ++name) two.write(*name, ppm(1, 1, 5));
  REQUIRE(ids(*open_folder(one.path())->split(Split::Train)) == ids(*open_folder(two.path())->split(Split::Train)));
  REQUIRE(open_folder(one.path())->info().fingerprint == open_folder(two.path())->info().fingerprint);
}

TEST_CASE("Sign Language Digits opens with a seeded hold-out", "[data][image_folder]") {
  const auto root = test::real_data("sign-language-digits");
  if (!root) return;
  config::SplitOptions split;
  split.test = 0.2;
  const auto data = open_folder(*root / "Dataset", split);
  REQUIRE(data->info().classes.size() == 10);
  const auto train = data->split(Split::Train);
  const auto test = data->split(Split::Test);
  REQUIRE(train->size() + test->size() == 2062);
  REQUIRE(std::abs(test->size() - 412) <= 1);
  const Sample sample = test->get({0, 0, 0});
  REQUIRE(sample.id.substr(0, 2) == "0/");
  REQUIRE(sample.inputs.tensor("image").sizes() == torch::IntArrayRef({100, 100, 3}));
}

}  // namespace mlrun::data

#endif
