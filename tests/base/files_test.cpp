#include "base/files.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <fstream>
#include <set>

#include "base/cache.h"
#include "base/log.h"
#include "base/paths.h"
#include "support.h"

using namespace mlrun;
using mlrun::test::TempDir;
using mlrun::test::user_error;

namespace fs = std::filesystem;

namespace {

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

std::string gzipped(const std::string& text) {
  TempDir folder;
  const std::string path = (folder / "t.gz").string();
  gzFile file = gzopen(path.c_str(), "wb9");
  REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
  gzclose(file);
  return read_file(path);
}

/// Every write beyond `bytes` of a file fails while this lives, as `ulimit -f` makes it.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

}  // namespace

TEST_CASE("an atomic file appears whole when it is committed, and only then", "[base]") {
  TempDir folder;
  {
    AtomicFile file(folder / "a.txt");
    file.write("first ");
    file.write("second");
    CHECK_FALSE(fs::exists(folder / "a.txt"));
    file.commit();
  }
  CHECK(read_file(folder / "a.txt") == "first second");
  CHECK(names_in(folder.path()) == std::set<std::string>{"a.txt"});
}

TEST_CASE("an atomic file that is given up leaves nothing, and the old content as it was", "[base]") {
  TempDir folder;
  folder.write("a.txt", "old");
  {
    AtomicFile file(folder / "a.txt");
    file.write("half of the new");
  }
  CHECK(read_file(folder / "a.txt") == "old");
  CHECK(names_in(folder.path()) == std::set<std::string>{"a.txt"});
}

TEST_CASE("an overwrite shows readers the old file or the new one, never a part", "[base]") {
  TempDir folder;
  const auto path = folder.write("a.txt", "old");
  std::ifstream reader(path);
  AtomicFile file(path);
  file.write("new and longer");
  CHECK(read_file(path) == "old");
  file.commit();
  CHECK(read_file(path) == "new and longer");
  std::string seen;
  std::getline(reader, seen);
  CHECK(seen == "old");
}

TEST_CASE("two writers of one file do not meet before it is there", "[base]") {
  TempDir folder;
  AtomicFile first(folder / "a"), second(folder / "a");
  first.write("first ");
  second.write("second");
  first.write("one");
  first.commit();
  CHECK(read_file(folder / "a") == "first one");
  second.commit();
  CHECK(read_file(folder / "a") == "second");
  CHECK(names_in(folder.path()) == std::set<std::string>{"a"});
}

TEST_CASE("a file that is replaced leaves its mode, and is not shown to others before", "[base]") {
  TempDir folder;
  const auto mode = [](const fs::path& path) { return static_cast<unsigned>(fs::status(path).permissions()); };
  write_file(folder / "new", "1");
  const unsigned usual = mode(folder / "new");
  for (const unsigned wanted : {0600U, 0640U, 0444U, 0755U}) {
    const auto path = folder.write("a", "old");
    fs::permissions(path, static_cast<fs::perms>(wanted));
    {
      AtomicFile file(path);
      for (const auto& entry : fs::directory_iterator(folder.path())) {
        if (entry.path().filename().string().front() == '.') CHECK((mode(entry.path()) & ~wanted) == 0U);
      }
      file.write("new");
      file.commit();
    }
    CHECK(read_file(path) == "new");
    CHECK(mode(path) == wanted);
    const Draft drawn = [&] {
      Draft draft(path);
      write_file(draft.path(), "newer");
      CHECK(mode(draft.path()) == usual);
      draft.publish();
      return draft;
    }();
    CHECK(read_file(path) == "newer");
    CHECK(mode(path) == wanted);
    fs::remove(path);
  }
  fs::create_symlink(folder / "new", folder / "link");
  fs::permissions(folder / "new", static_cast<fs::perms>(0700));
  write_file(folder / "other", "1");
  keep_mode(folder / "link", folder / "other");
  keep_mode(folder / "absent", folder / "other");
  CHECK(mode(folder / "other") == usual);
}

TEST_CASE("links and pipes that others put in the place of logs and locks are refused", "[base]") {
  TempDir folder;
  folder.write("victim", "as it was");
  fs::create_symlink(folder / "victim", folder / "link");
  fs::create_symlink(folder / "not there yet", folder / "dangling");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0666) == 0);
  fs::create_directory(folder / "folder");
  for (const char* name : {"link", "dangling", "pipe"}) {
    const std::string path = (folder / name).string();
    const std::string refused = path + ": is a link or no file, through which mlrun does not write; remove it";
    CHECK(user_error([&] { append_file(path, "x"); }) == refused);
    CHECK(user_error([&] { log::set_file(path); }) == refused);
    CHECK(user_error([&] { FileLock lock(path); }) == refused);
    CHECK(user_error([&] { GrowingFile file(path); }) == path + ": cannot be written: File exists");
  }
  CHECK(user_error([&] { append_file(folder / "folder", "x"); }) ==
        (folder / "folder").string() + ": cannot be written: Is a directory");
  CHECK(read_file(folder / "victim") == "as it was");
  CHECK_FALSE(fs::exists(folder / "not there yet"));
}

TEST_CASE("a growing file goes on in the file that was made", "[base]") {
  TempDir folder;
  GrowingFile file(folder / "a");
  file.append("one ");
  fs::rename(folder / "a", folder / "moved");
  folder.write("a", "of another");
  file.append("two");
  CHECK(file.path() == folder / "a");
  CHECK(read_file(folder / "moved") == "one two");
  CHECK(read_file(folder / "a") == "of another");
}

TEST_CASE("a write that fails names the file and the remedy, and leaves nothing", "[base]") {
  TempDir folder;
  const std::string path = (folder / "big.bin").string();
  std::string message;
  {
    const FileSizeLimit limit(1000);
    message = user_error([&] { write_file(path, std::string(5000, 'x')); });
  }
  CHECK(message == path + ": cannot be written: File too large; raise the file size limit (ulimit -f)");
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("a full disk is said", "[base]") {
  if (!fs::exists("/dev/full")) return test::skip("there is no /dev/full");
  CHECK(user_error([] { append_file("/dev/full", "x"); }) ==
        "/dev/full: cannot be written: No space left on device; free some space or choose another folder with --out");
}

TEST_CASE("a folder that cannot be written to is said", "[base]") {
  TempDir folder;
  fs::permissions(folder.path(), fs::perms::owner_read | fs::perms::owner_exec);
  const std::string path = (folder / "a.txt").string();
  std::string message;
  {
    const test::Unprivileged user;
    message = user_error([&] { write_file(path, "x"); });
  }
  CHECK(message ==
        path + ": cannot be written: Permission denied; make the folder writable or choose another one with --out");
  fs::permissions(folder.path(), fs::perms::owner_all);
  CHECK(names_in(folder.path()).empty());
}

TEST_CASE("a folder that does not exist is said", "[base]") {
  TempDir folder;
  const std::string path = (folder / "absent/a.txt").string();
  CHECK(user_error([&] { write_file(path, "x"); }) == path + ": cannot be written: No such file or directory");
  CHECK(user_error([&] { append_file(path, "x"); }) == path + ": cannot be written: No such file or directory");
}

TEST_CASE("a folder in the way of a file is said, and nothing is left", "[base]") {
  TempDir folder;
  fs::create_directory(folder / "a");
  const std::string path = (folder / "a").string();
  CHECK(user_error([&] { write_file(path, "x"); }) == path + ": cannot be put in place: Is a directory");
  CHECK(names_in(folder.path()) == std::set<std::string>{"a"});
}

TEST_CASE("append adds to the end and makes the file", "[base]") {
  TempDir folder;
  append_file(folder / "log", "one\n");
  append_file(folder / "log", "two\n");
  CHECK(read_file(folder / "log") == "one\ntwo\n");
}

TEST_CASE("read_file gives every byte and keeps to its limit", "[base]") {
  TempDir folder;
  std::string bytes(200000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31);
  const auto path = folder.write("b", bytes);
  CHECK(read_file(path) == bytes);
  CHECK(read_file(path, 200000) == bytes);
  CHECK(user_error([&] { read_file(path, 199999); }) ==
        path.string() + ": is larger than the 199999 bytes allowed here");
  CHECK(read_file(folder.write("empty", "")).empty());
}

TEST_CASE("what cannot be read is said", "[base]") {
  TempDir folder;
  const std::string absent = (folder / "absent").string();
  CHECK(user_error([&] { read_file(absent); }) == absent + ": cannot be read: No such file or directory");
  CHECK(user_error([&] { read_file(folder.path()); }) == folder.path().string() + ": cannot be read: Is a directory");
  CHECK(user_error([&] { sha256_file(absent); }) == absent + ": cannot be read: No such file or directory");
  CHECK(user_error([&] { read_gzip(absent, 10); }) == absent + ": cannot be read: No such file or directory");
}

TEST_CASE("folders are made with their parents; a file in the way is said", "[base]") {
  TempDir folder;
  make_directories(folder / "a/b/c");
  CHECK(fs::is_directory(folder / "a/b/c"));
  CHECK_NOTHROW(make_directories(folder / "a/b/c"));
  folder.write("f", "");
  const std::string blocked = (folder / "f/g").string();
  CHECK(user_error([&] { make_directories(blocked); }) == blocked + ": cannot be created: Not a directory");
}

TEST_CASE("SHA-256 gives the standard's known answers", "[base]") {
  // FIPS 180-4, NIST's example messages.
  CHECK(sha256("", 0) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256("abc", 3) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const std::string million(1000000, 'a');
  const std::string expected = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
  CHECK(sha256(million.data(), million.size()) == expected);
  TempDir folder;
  CHECK(sha256_file(folder.write("million", million)) == expected);
}

TEST_CASE("gzip content is inflated, plain content is passed on", "[base]") {
  TempDir folder;
  const std::string text = std::string(100000, 'q') + "end";
  CHECK(read_gzip(folder.write("t.gz", gzipped(text)), 1 << 20) == text);
  CHECK(read_gzip(folder.write("t.gz", gzipped(text)), text.size()) == text);
  CHECK(read_gzip(folder.write("plain", "plain text"), 100) == "plain text");
}

TEST_CASE("gzip content that expands beyond the limit is refused", "[base]") {
  TempDir folder;
  const auto path = folder.write("bomb.gz", gzipped(std::string(1 << 22, '\0')));
  CHECK(fs::file_size(path) < 10000);
  CHECK(user_error([&] { read_gzip(path, 4096); }) == path.string() + ": expands to more than the 4096 bytes expected");
}

TEST_CASE("gzip content that ends early or was changed is named as damaged", "[base]") {
  TempDir folder;
  const std::string whole = gzipped("some text that is long enough to be cut in the middle of it");
  const auto cut = folder.write("cut.gz", whole.substr(0, whole.size() / 2));
  CHECK(user_error([&] { read_gzip(cut, 1000); }) == cut.string() + ": is damaged: it ends too early; fetch it again");
  const auto no_checksum = folder.write("tail.gz", whole.substr(0, whole.size() - 4));
  CHECK(user_error([&] { read_gzip(no_checksum, 1000); }) ==
        no_checksum.string() + ": is damaged: it ends too early; fetch it again");
  std::string flipped = whole;
  flipped[whole.size() - 6] = static_cast<char>(flipped[whole.size() - 6] ^ 1);  // in the CRC
  const auto changed = folder.write("changed.gz", flipped);
  const std::string message = user_error([&] { read_gzip(changed, 1000); });
  CHECK(message.find(changed.string() + ": is damaged: ") == 0);
  CHECK(message.find("incorrect data check") != std::string::npos);
}
