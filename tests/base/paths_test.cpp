#include "base/paths.h"

#include "base/files.h"
#include "base/temporary.h"
#include "support.h"

using namespace mlrun;
using test::TempDir;
using test::user_error;

namespace fs = std::filesystem;

namespace {

fs::path hidden_entry(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!hidden_target(entry.path().filename().string()).empty()) return entry.path();
  }
  FAIL("nothing hidden");
  return {};
}

}  // namespace

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
    Draft draft(folder / "file");
    Draft other(folder / "file");
    hidden = draft.path();
    CHECK(hidden.filename().string().find(".file.") == 0);
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
  {
    Draft first(folder / "made"), second(folder / "made");
    for (Draft* draft : {&first, &second}) {
      draft->make_folder();
      write_file(draft->path() / "a", draft == &first ? "1" : "2");
      draft->publish_folder();
    }
  }
  CHECK(read_file(folder / "made/a") == "2");
  CHECK(entries() == 2);
  CHECK(user_error([&] { Draft(folder / "none/folder").make_folder(); }) ==
        (folder / "none/folder").string() + ": cannot be created: No such file or directory");
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
  CHECK(std::distance(fs::directory_iterator(folder.path()), {}) == 4);  // one, two, last, taken
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

TEST_CASE("what is discarded is never seen in parts", "[base]") {
  const TempDir folder;
  folder.write("whole/a", "1");
  discard(folder / "whole");
  discard(folder / "absent");
  CHECK(fs::is_empty(folder.path()));

  folder.write("half/kept/a", "1");
  folder.write("half/b", "2");
  folder.write("other/a", "3");
  for (const auto& path : {folder.path(), folder / "half", folder / "other"}) fs::permissions(path, fs::perms::all);
  fs::permissions(folder / "half/kept", fs::perms::owner_read | fs::perms::owner_exec);
  {
    const test::Unprivileged user;  // who cannot empty half/kept
    CHECK(user_error([&] { discard(folder / "half"); }).find("cannot be removed: Permission denied") !=
          std::string::npos);
    CHECK_FALSE(fs::exists(folder / "half"));
  }
  fs::rename(hidden_entry(folder.path()), folder / "half");
  {
    const test::Unprivileged user;
    CHECK_THROWS(replace_folder(folder / "other", folder / "half"));
    CHECK(read_file(folder / "half/a") == "3");
    CHECK_FALSE(fs::exists(folder / "other"));
  }
}
