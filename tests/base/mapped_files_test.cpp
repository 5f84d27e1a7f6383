#include "base/mapped_files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <csignal>
#include <optional>

#include "base/processes.h"
#include "support.h"

using namespace mlrun;

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kSize = 1 << 16;

char* map(const fs::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  void* bytes = ::mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE, descriptor, 0);
  ::close(descriptor);
  return static_cast<char*>(bytes);
}

/// Touches the last page of a file that was cut; the exit code where nothing happens.
int touch_cut(const fs::path& file, bool known) {
  const char* bytes = map(file);
  std::optional<MappedRange> range;
  if (known) range.emplace(bytes, kSize, file);
  if (::truncate(file.c_str(), 10) != 0) return 99;
  const volatile char byte = bytes[kSize - 1];
  return byte == 'x' ? 77 : 78;
}

}  // namespace

TEST_CASE("a file that is cut while it is mapped ends the process with a line that names it", "[base]") {
  const test::TempDir folder;
  const fs::path file = folder.write("a\x1B.pth", std::string(kSize, 'x'));
  const auto ended = test::in_child([&] {
    watch_mapped_files();
    return touch_cut(file, true);
  });
  CHECK(ended.code == 2);
  CHECK(ended.err == "error: " + (folder / "a\\x1b.pth").string() +
                         ": was cut short while it was in use; put the whole file back and run the command again\n");
  CHECK(ended.out.empty());
}

TEST_CASE("where scripts read, a cut file is told to them, too", "[base]") {
  const test::TempDir folder;
  const fs::path file = folder.write("f", std::string(kSize, 'x'));
  const auto ended = test::in_child([&] {
    watch_mapped_files([](const Problem& problem) { return "{" + problem.message + "}\n"; });
    return touch_cut(file, true);
  });
  CHECK(ended.code == 2);
  CHECK(ended.out == "{was cut short while it was in use}\n");
}

TEST_CASE("a lost page of another file ends the process as it always did", "[base]") {
  const test::TempDir folder;
  const fs::path file = folder.write("f", std::string(kSize, 'x'));
  const auto ended = test::in_child([&] {
    watch_mapped_files();
    { const MappedRange forgotten(map(file), kSize, file); }
    return touch_cut(file, false);
  });
  CHECK(ended.code == 128 + SIGBUS);
  CHECK(ended.err.empty());
}
