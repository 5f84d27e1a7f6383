#include "data/sources/listing.h"

#include "base/files.h"
#include "support.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> paths(const std::vector<ListedFile>& files) {
  std::vector<std::string> list;
  for (const auto& file : files) list.push_back(file.path);
  return list;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("images are found below a folder, sorted, hidden ones left out", "[data][listing]") {
  const test::TempDir folder;
  folder.write("cat/b.JPG", "12345");
  folder.write("cat/a.png", "");
  folder.write("cat/Z.webp", "");
  folder.write("cat/deep/er/c.tiff", "");
  folder.write("cat/.hidden.jpg", "");
  folder.write("cat/.cache/d.jpg", "");
  folder.write("cat/notes.txt", "");
  folder.write("cat/jpg", "");
  folder.write("dog/e.jpg", "");
  const auto files = list_images(folder.path(), "cat");
  REQUIRE(paths(files) == Names{"cat/Z.webp", "cat/a.png", "cat/b.JPG", "cat/deep/er/c.tiff"});
  REQUIRE(files[2].size == 5);
  REQUIRE(paths(list_images(folder.path(), "")) ==
          Names{"cat/Z.webp", "cat/a.png", "cat/b.JPG", "cat/deep/er/c.tiff", "dog/e.jpg"});
  REQUIRE(sub_folders(folder.path()) == Names{"cat", "dog"});
  REQUIRE(sub_folders(folder / "dog").empty());
  LeftOut others;
  list_images(folder.path(), "", false, {}, &others);
  REQUIRE(others.list() == "1 without an ending, 1 .txt");
  REQUIRE(others.example == "cat/jpg");
  REQUIRE(loose_images(folder.path()).empty());
  folder.write("loose.gif", "");
  folder.write("loose.txt", "");
  folder.write(".loose.jpg", "");
  REQUIRE(loose_images(folder.path()).list() == "1 .gif");
}

TEST_CASE("links are followed and loops end", "[data][listing]") {
  const test::TempDir folder;
  folder.write("cat/a.jpg", "");
  folder.write("elsewhere/b.jpg", "");
  folder.write("elsewhere/in/c.jpg", "");
  fs::create_directory_symlink("..", folder / "cat/up");  // back to the root, and so to cat itself
  fs::create_directory_symlink(".", folder / "cat/self");
  fs::create_symlink("../elsewhere/b.jpg", folder / "cat/linked.jpg");
  fs::create_symlink("round", folder / "cat/round");
  REQUIRE(paths(list_images(folder.path(), "cat")) ==
          Names{"cat/a.jpg", "cat/linked.jpg", "cat/up/elsewhere/b.jpg", "cat/up/elsewhere/in/c.jpg"});

  // Many ways to the same folders: each is read once, not 2^40 times.
  for (int i = 0; i < 40; ++i) {
    const fs::path here = folder / ("maze/" + std::to_string(i));
    fs::create_directories(here);
    for (const char* door : {"left", "right"}) {
      fs::create_directory_symlink("../" + std::to_string(i + 1), here / door);
    }
  }
  folder.write("maze/40/end.jpg", "");
  REQUIRE(list_images(folder.path(), "maze").size() == 1);
}

TEST_CASE("an image that leads nowhere is an error", "[data][listing]") {
  const test::TempDir folder;
  folder.write("cat/a.jpg", "");
  fs::create_symlink("gone.txt", folder / "cat/b.txt");
  REQUIRE(list_images(folder.path(), "cat").size() == 1);
  fs::create_symlink("gone.jpg", folder / "cat/b.jpg");
  REQUIRE(test::user_error([&] { list_images(folder.path(), "cat"); }) ==
          (folder / "cat/b.jpg").string() + ": the file cannot be read: No such file or directory; mend or remove it");
  const auto listed = list_images(folder.path(), "cat", /*dangling=*/true);
  REQUIRE(listed.size() == 2);
  CHECK(listed[1].path == "cat/b.jpg");
}

TEST_CASE("a folder that cannot be read is an error", "[data][listing]") {
  const test::TempDir folder;
  folder.write("cat/closed/a.jpg", "");
  const auto for_all = fs::perms::group_read | fs::perms::group_exec | fs::perms::others_read | fs::perms::others_exec;
  fs::permissions(folder.path(), for_all, fs::perm_options::add);
  fs::permissions(folder / "cat/closed", fs::perms::none);
  std::string text;
  {
    const test::Unprivileged user;
    text = test::user_error([&] { list_images(folder.path(), "cat"); });
  }
  fs::permissions(folder / "cat/closed", fs::perms::owner_all);
  CHECK(text.rfind((folder / "cat/closed").string() + ": the folder cannot be read: Permission denied", 0) == 0);
  CHECK(test::user_error([&] { list_images(folder.path(), "none"); }) ==
        (folder / "none").string() + ": the folder cannot be read: No such file or directory");
}

TEST_CASE("a fingerprint follows paths and sizes, not their order", "[data][listing]") {
  const std::string base = fingerprint({{"a", 1}, {"b", 2}});
  REQUIRE(base == fingerprint({{"b", 2}, {"a", 1}}));
  REQUIRE(base != fingerprint({{"a", 2}, {"b", 1}}));
  REQUIRE(base != fingerprint({{"a", 1}}));
  const std::string text(
      "a\0"
      "1\nb\0"
      "2\n",
      8);
  REQUIRE(base == sha256(text.data(), text.size()));
}

TEST_CASE("a data set is called after its folder", "[data][listing]") {
  REQUIRE(data_name("/data/photos") == "photos");
  REQUIRE(data_name("/data/photos/") == "photos");
  REQUIRE(data_name("photos/.") == "photos");
  REQUIRE(data_name(".") == fs::current_path().filename().string());
}

}  // namespace mlrun::data
