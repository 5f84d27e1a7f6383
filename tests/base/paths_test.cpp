#include "base/paths.h"

#include <set>

#include "base/files.h"
#include "support.h"

using namespace mlrun;
using test::TempDir;
using test::user_error;

namespace fs = std::filesystem;

TEST_CASE("a folder takes another's place with all that is in it", "[base]") {
  const TempDir folder;
  folder.write("new/a", "1");
  replace_folder(folder / "new", folder / "target");
  CHECK(read_file(folder / "target/a") == "1");
  folder.write("newer/b", "2");
  replace_folder(folder / "newer", folder / "target");
  CHECK(read_file(folder / "target/b") == "2");
  CHECK_FALSE(fs::exists(folder / "target/a"));
  CHECK_FALSE(fs::exists(folder / "newer"));
  CHECK(user_error([&] { replace_folder(folder / "absent", folder / "elsewhere"); }) ==
        (folder / "elsewhere").string() + ": cannot be put in place: No such file or directory");
}

TEST_CASE("a draft is shown when it is published, and goes when it is not", "[base]") {
  const TempDir folder;
  const auto entries = [&] { return std::distance(fs::directory_iterator(folder.path()), {}); };
  fs::path hidden;
  {
    Draft draft(folder / "file", "one");
    Draft other(folder / "file", "two");
    hidden = draft.path();
    CHECK(hidden.filename().string().find(".file.one.") == 0);
    write_file(draft.path(), "1");
    write_file(other.path(), "2");
    std::vector<Draft> moved;
    moved.push_back(std::move(draft));
    moved.front().publish();
  }
  CHECK(read_file(folder / "file") == "1");
  CHECK(entries() == 1);
  {
    const Draft left(folder / "folder");
    folder.write(left.path().filename() / "a", "1");
    CHECK(entries() == 2);
  }
  CHECK(entries() == 1);
  Draft lost(folder / "none/file");
  CHECK(user_error([&] { lost.publish(); }) ==
        (folder / "none/file").string() + ": cannot be put in place: No such file or directory");
}

TEST_CASE("a link is relative and moves at once", "[base]") {
  const TempDir folder;
  folder.write("one/a", "1");
  folder.write("two/a", "2");
  replace_link(folder.path(), "last", "one");
  replace_link(folder.path(), "last", "two");
  CHECK(fs::read_symlink(folder / "last") == "two");
  CHECK(read_file(folder / "last/a") == "2");
  folder.write("taken/x", "");
  CHECK(user_error([&] { replace_link(folder.path(), "taken", "one"); }).find("taken: cannot be put in place: ") !=
        std::string::npos);
  CHECK_FALSE(fs::is_symlink(folder / ".taken.tmp"));
  CHECK(user_error([&] { replace_link(folder / "none", "last", "one"); }).find("cannot be made a link: No such file") !=
        std::string::npos);
}

TEST_CASE("what is removed is gone, and what is not there needs no removal", "[base]") {
  const TempDir folder;
  folder.write("tree/deep/file", "x");
  remove_tree(folder / "tree");
  CHECK_FALSE(fs::exists(folder / "tree"));
  CHECK_NOTHROW(remove_tree(folder / "tree"));
}

TEST_CASE("free space is that of the folder's file system", "[base]") {
  const TempDir folder;
  CHECK(free_bytes(folder.path()) > 0);
  CHECK(free_bytes(folder / "none") == UINT64_MAX);
}

TEST_CASE("what killed writers left behind is removed, and nothing else", "[base]") {
  const TempDir folder;
  for (const char* name : {".run.json.123.tmp", ".step-00000001.tmp/model.safetensors", "notes.tmp", ".lock",
                           "below/.deep.tmp", "run.json"}) {
    folder.write(name, "x");
  }
  remove_unfinished(folder.path());
  std::set<std::string> left;
  for (const auto& entry : fs::directory_iterator(folder.path())) left.insert(entry.path().filename().string());
  CHECK(left == std::set<std::string>{".lock", "below", "notes.tmp", "run.json"});
  CHECK(fs::exists(folder / "below/.deep.tmp"));
  remove_unfinished(folder / "absent");
}
