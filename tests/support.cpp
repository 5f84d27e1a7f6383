#include "support.h"

#include <stdlib.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>

namespace mlrun::test {

namespace fs = std::filesystem;

fs::path source_root() { return MLRUN_SOURCE_DIR; }

fs::path fixture(const std::string& name) { return source_root() / "tests" / "fixtures" / name; }

void skip(const std::string& why) {
  static std::set<std::string> told;  // a case may come here in several sections
  const std::string name = Catch::getResultCapture().getCurrentTestName();
  if (told.insert(name).second) std::cout << "skipped: " << name << ": " << why << std::endl;
}

std::optional<fs::path> real_data(const std::string& name) {
  const char* chosen = std::getenv("MLRUN_TEST_DATA");
  const fs::path root = chosen != nullptr ? fs::path(chosen) : source_root().parent_path() / "shared" / "data";
  if (fs::exists(root / name)) return root / name;
  skip("there is no " + (chosen != nullptr ? root / name : fs::path("../shared/data") / name).string());
  return std::nullopt;
}

TempDir::TempDir() {
  std::string pattern = (fs::temp_directory_path() / "mlrun-test-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw UserError("no temporary folder could be made");
  path_ = pattern;
}

TempDir::~TempDir() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

fs::path TempDir::write(const std::string& name, const std::string& text) const {
  const fs::path file = path_ / name;
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
  return file;
}

Unprivileged::Unprivileged() : changed_(::geteuid() == 0) {
  if (changed_) REQUIRE(::seteuid(65534) == 0);
}

Unprivileged::~Unprivileged() {
  if (changed_) CHECK(::seteuid(0) == 0);
}

}  // namespace mlrun::test
