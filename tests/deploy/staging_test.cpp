#include "deploy/staging.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/files.h"
#include "support.h"

using namespace mlrun;
using deploy::Staging;

namespace fs = std::filesystem;

namespace {

std::vector<std::string> entries_of(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("what is staged is hidden until it is published, and goes with its staging", "[deploy]") {
  const test::TempDir folder;
  fs::path hidden;
  {
    const Staging staging(folder / "net.onnx");
    hidden = staging.folder();
    CHECK(hidden.parent_path() == folder.path());
    CHECK(hidden.filename().string().front() == '.');
    write_file(hidden / "net.onnx", "model");
    write_file(hidden / "half", "unfinished");
    CHECK_FALSE(fs::exists(folder / "net.onnx"));
    CHECK(staging.publish({"net.onnx"}) == std::vector<fs::path>{folder / "net.onnx"});
    CHECK(read_file(folder / "net.onnx") == "model");
  }
  CHECK_FALSE(fs::exists(hidden));
  CHECK(entries_of(folder.path()) == Names{"net.onnx"});
}

TEST_CASE("a staging that is left by an error leaves nothing, and what was there stays", "[deploy]") {
  const test::TempDir folder;
  folder.write("net.onnx", "before");
  const auto fail = [&] {
    const Staging staging(folder / "net.onnx");
    write_file(staging.folder() / "net.onnx", "after");
    throw UserError("the model does not pass its parity gate");
  };
  CHECK(test::user_error(fail) == "the model does not pass its parity gate");
  CHECK(entries_of(folder.path()) == Names{"net.onnx"});
  CHECK(read_file(folder / "net.onnx") == "before");
}

TEST_CASE("files of another export are refused before any is moved, the same ones are not", "[deploy]") {
  const test::TempDir folder;
  const Staging staging(folder / "net.onnx");
  write_file(staging.folder() / "net.onnx", "model");
  write_file(staging.folder() / "net.onnx.classes.txt", "cat\n");
  folder.write("net.onnx.classes.txt", "cat\n");
  CHECK_NOTHROW(staging.check_free({"net.onnx", "net.onnx.classes.txt"}));
  folder.write("net.onnx.classes.txt", "dog\n");
  CHECK(test::user_error([&] {
          staging.check_free({"net.onnx", "net.onnx.classes.txt"});
        }) == (folder / "net.onnx.classes.txt").string() +
                  ": exists already and is of another export; add --force to replace it, or choose another name");
  fs::remove(folder / "net.onnx.classes.txt");
  fs::create_symlink("nowhere", folder / "net.onnx.classes.txt");  // leads nowhere, and is there all the same
  CHECK(test::user_error([&] { staging.check_free({"net.onnx.classes.txt"}); }).find("exists already") !=
        std::string::npos);
  CHECK(test::user_error([&] {
          staging.publish({"net.onnx", "net.onnx.classes.txt"});
        }) == (folder / "net.onnx.classes.txt").string() +
                  ": is a symbolic link; name a file: an exported model is one of several that lie together");
  CHECK_FALSE(fs::exists(folder / "net.onnx"));
}

TEST_CASE("a published file keeps the mode of the one that it replaces", "[deploy]") {
  const test::TempDir folder;
  const fs::path file = folder.write("net.onnx", "before");
  REQUIRE(::chmod(file.c_str(), 0640) == 0);
  const Staging staging(file);
  write_file(staging.folder() / "net.onnx", "after");
  staging.publish({"net.onnx"});
  CHECK(read_file(file) == "after");
  CHECK(fs::status(file).permissions() == fs::perms(0640));
}

TEST_CASE("what an earlier export left is removed by its names alone", "[deploy]") {
  const test::TempDir folder;
  for (const char* name : {"a.onnx", "a.onnx.data", "a.onnx.classes.txt", "b.onnx"}) folder.write(name, "x");
  fs::create_directory(folder / "a.onnx.golden");
  const Staging staging(folder / "a.onnx");
  staging.remove_others({"a.onnx", "a.onnx.data", "a.onnx.classes.txt", "a.onnx.golden", "absent"}, {"a.onnx"});
  fs::remove_all(staging.folder());
  CHECK(entries_of(folder.path()) == Names{"a.onnx", "a.onnx.golden", "b.onnx"});
}

TEST_CASE("errors name the file that was asked for, not the hidden one", "[deploy]") {
  const test::TempDir folder;
  const Staging staging(folder / "net.onnx");
  const std::string hidden = (staging.folder() / "net.onnx").string(), asked = (folder / "net.onnx").string();
  const UserError error = staging.shown(file_error(hidden, "is full; see " + hidden, "remove " + hidden));
  CHECK(error.problems().front().file == asked);
  CHECK(error.problems().front().message == "is full; see " + asked);
  const UserError of_folder = staging.shown(file_error(staging.folder().string(), "cannot be read"));
  CHECK(of_folder.problems().front().file == folder.path().string());
}

TEST_CASE("a staging needs a folder that is there", "[deploy]") {
  const test::TempDir folder;
  CHECK(test::user_error([&] { Staging(folder / "absent/net.onnx"); }) ==
        (folder / "absent").string() + ": is no folder; make it first");
  folder.write("file", "x");
  CHECK(test::user_error([&] { Staging(folder / "file/net.onnx"); }) ==
        (folder / "file").string() + ": is no folder; make it first");
}
