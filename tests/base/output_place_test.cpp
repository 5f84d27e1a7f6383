#include "base/output_place.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "base/files.h"
#include "base/paths.h"
#include "support.h"

using namespace mlrun;
using test::TempDir;
using test::user_error;

namespace fs = std::filesystem;

namespace {

/// Both ways in which outputs are written.
void write_draft(const fs::path& target, const std::string& text) {
  Draft draft(target);
  write_file(draft.path(), text);
  draft.publish();
}

using Write = void (*)(const fs::path& target, const std::string& text);

const std::array<Write, 2> kWays = {[](const fs::path& target, const std::string& text) { write_file(target, text); },
                                    [](const fs::path& target, const std::string& text) { write_draft(target, text); }};

std::ptrdiff_t entries(const fs::path& folder) { return std::distance(fs::directory_iterator(folder), {}); }

/// A pipe with a name, whose reader is there.
class NamedPipe {
 public:
  explicit NamedPipe(const fs::path& path) {
    REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
    reader_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    REQUIRE(reader_ >= 0);
  }
  ~NamedPipe() { ::close(reader_); }
  std::string read() {
    std::array<char, 100> buffer;
    const ssize_t got = ::read(reader_, buffer.data(), buffer.size());
    return {buffer.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
  }

 private:
  int reader_ = -1;
};

}  // namespace

TEST_CASE("an output named by a symbolic link is written where the link leads, and the link stays", "[base]") {
  for (const Write write : kWays) {
    const TempDir folder;
    folder.write("real/a.csv", "old");
    fs::create_symlink("real/a.csv", folder / "near");
    fs::create_symlink(folder / "near", folder / "far");
    fs::create_symlink("real/absent.csv", folder / "dangling");
    write(folder / "far", "new");
    write(folder / "dangling", "made");
    CHECK(read_file(folder / "real/a.csv") == "new");
    CHECK(read_file(folder / "real/absent.csv") == "made");
    CHECK(fs::read_symlink(folder / "near") == "real/a.csv");
    CHECK(fs::read_symlink(folder / "far") == folder / "near");
    CHECK(fs::is_symlink(folder / "dangling"));
    CHECK(entries(folder.path()) == 4);
    CHECK(entries(folder / "real") == 2);
  }
}

TEST_CASE("links that go in circles are told under the name that was given", "[base]") {
  const TempDir folder;
  fs::create_symlink("b", folder / "a");
  fs::create_symlink("a", folder / "b");
  const std::string message = (folder / "a").string() + ": cannot be written: Too many levels of symbolic links";
  for (const Write write : kWays) CHECK(user_error([&] { write(folder / "a", "x"); }) == message);
  CHECK(entries(folder.path()) == 2);
}

TEST_CASE("a link that another user put where all may write is refused, and nothing is written", "[base]") {
  if (::geteuid() != 0) {
    WARN("skipped: only root can make a link of another user");
    return;
  }
  const TempDir folder;
  folder.write("victim", "untouched");
  fs::create_directory(folder / "shared");
  REQUIRE(::chmod((folder / "shared").c_str(), 01777) == 0);
  const fs::path link = folder / "shared/out.csv";
  fs::create_symlink(folder / "victim", link);
  REQUIRE(::lchown(link.c_str(), 65534, 65534) == 0);
  for (const Write write : kWays) {
    CHECK(user_error([&] { write(link, "x"); }) ==
          link.string() +
              ": is a symbolic link of another user in a folder where all may write; name the file that it leads to, "
              "or another one");
  }
  CHECK(read_file(folder / "victim") == "untouched");
  REQUIRE(::chmod((folder / "shared").c_str(), 0777) == 0);  // not sticky: as the kernel has it
  write_file(link, "x");
  CHECK(read_file(folder / "victim") == "x");
}

TEST_CASE("what is mlrun's own is written through no link and into no pipe", "[base]") {
  const TempDir folder;
  folder.write("victim", "untouched");
  fs::create_symlink("victim", folder / "link");
  fs::create_symlink("absent", folder / "dangling");
  fs::create_directory_symlink(".", folder / "loop");
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  for (const char* name : {"link", "dangling", "pipe", "loop"}) {
    const std::string path = (folder / name).string();
    const std::string refused = path + ": is a link or no file, through which mlrun does not write; remove it";
    CHECK(user_error([&] { write_file(path, "x", Links::Refuse); }) == refused);
    CHECK(user_error([&] { Draft draft(path, Links::Refuse); }) == refused);
  }
  for (const char* name : {"new", "victim"}) {
    write_file(folder / name, "1", Links::Refuse);
    Draft draft(folder / name, Links::Refuse);
    write_file(draft.path(), "2");
    draft.publish();
    CHECK(read_file(folder / name) == "2");
  }
  CHECK_FALSE(fs::exists(folder / "absent"));
  CHECK(entries(folder.path()) == 6);
}

TEST_CASE("what is no regular file is written into and stays what it is", "[base]") {
  for (const Write write : kWays) {
    const TempDir folder;
    NamedPipe pipe(folder / "pipe");
    fs::create_symlink("pipe", folder / "link");
    for (const char* name : {"pipe", "link"}) {
      write(folder / name, "through " + std::string(name));
      CHECK(pipe.read() == "through " + std::string(name));
    }
    CHECK(fs::is_fifo(folder / "pipe"));
    CHECK(fs::is_symlink(folder / "link"));
    CHECK(entries(folder.path()) == 2);
  }
  if (!fs::exists("/dev/full")) return;
  for (const Write write : kWays) {
    CHECK(user_error([&] { write("/dev/full", "x"); }) ==
          "/dev/full: cannot be written: No space left on device; free some space or choose another folder with --out");
    CHECK(fs::is_character_file("/dev/full"));
  }
}

TEST_CASE("an open descriptor is written on from where it stands, also when it leads to a file", "[base]") {
  for (const Write write : kWays) {
    const TempDir folder;
    const fs::path file = folder.write("log", "");
    const int descriptor = ::open(file.c_str(), O_WRONLY | O_CLOEXEC);
    REQUIRE(::write(descriptor, "before ", 7) == 7);
    fs::create_symlink("/proc/self/fd/" + std::to_string(descriptor), folder / "link");
    write(folder / "link", "between ");
    write("/dev/fd/" + std::to_string(descriptor), "more ");
    REQUIRE(::write(descriptor, "after", 5) == 5);
    ::close(descriptor);
    CHECK(read_file(file) == "before between more after");
    CHECK(entries(folder.path()) == 2);
  }
}

TEST_CASE("an output that is given up leaves link and target as they were", "[base]") {
  const TempDir folder;
  folder.write("real", "old");
  fs::create_symlink("real", folder / "link");
  {
    AtomicFile file(folder / "link");
    file.write("half");
    Draft draft(folder / "link");
    write_file(draft.path(), "half");
  }
  CHECK(read_file(folder / "real") == "old");
  CHECK(fs::is_symlink(folder / "link"));
  CHECK(entries(folder.path()) == 2);
}
