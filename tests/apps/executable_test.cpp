#include "apps/elf.h"
#include "apps/run_mlrun.h"

namespace mlrun::test {
namespace {

namespace fs = std::filesystem;

/// The executable as `cmake --install` leaves it.
const fs::path& installed() {
  static const TempDir folder;
  static const fs::path executable = [] {
    const std::string command =
        "'" MLRUN_CMAKE "' --install '" MLRUN_BUILD_DIR "' --prefix '" + folder.path().string() + "' >/dev/null";
    REQUIRE(std::system(command.c_str()) == 0);
    return folder / "bin/mlrun";
  }();
  return executable;
}

TEST_CASE("Libraries are searched in no folder that depends on where mlrun is called", "[apps][elf]") {
  for (const fs::path& file : {fs::path(MLRUN_EXECUTABLE), installed(), fs::path("/proc/self/exe")}) {
    for (const std::string& folder : Elf(file).search_path()) {
      INFO(file.string() << ": '" << folder << "'");
      CHECK((folder.rfind('/', 0) == 0 || folder.rfind("$ORIGIN", 0) == 0 || folder.rfind("${ORIGIN}", 0) == 0));
    }
  }
}

TEST_CASE("Files that are named like libraries do nothing in the folder where mlrun is called", "[apps][elf]") {
  const TempDir folder;
  const auto libraries = Elf(MLRUN_EXECUTABLE).libraries();
  CHECK(libraries.size() > 5);
  for (const std::string& name : libraries) folder.write(name, "no library");
  for (const char* name : {"libz.so.1", "libblas.so.3", "liblapack.so.3", "libgomp.so.1"}) folder.write(name, "none");
  const Outcome outcome = mlrun({"--version"}, folder.path());
  CHECK(outcome.code == 0);
  CHECK(outcome.err == "");
}

TEST_CASE("The executable has a stack that runs no code, and tables of addresses that are sealed", "[apps][elf]") {
  const Elf elf(MLRUN_EXECUTABLE);
  CHECK_FALSE(elf.stack_is_executable());
  CHECK(elf.has_segment(PT_GNU_RELRO));
#ifdef MLRUN_HARDENED
  CHECK(elf.binds_at_start());
  CHECK(elf.position_independent());
  CHECK(elf.names_symbol("__stack_chk_fail"));
  CHECK(elf.names_symbol("__snprintf_chk"));
#endif
}

}  // namespace
}  // namespace mlrun::test
