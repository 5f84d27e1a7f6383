#include "support.h"

#include <stdlib.h>

#include <cstdlib>
#include <fstream>

namespace mlrun::test {

namespace fs = std::filesystem;

fs::path source_root() { return MLRUN_SOURCE_DIR; }

fs::path fixture(const std::string& name) { return source_root() / "tests" / "fixtures" / name; }

std::optional<fs::path> real_data(const std::string& name) {
  const char* chosen = std::getenv("MLRUN_TEST_DATA");
  const fs::path root = chosen != nullptr ? fs::path(chosen) : source_root().parent_path() / "shared" / "data";
  if (fs::exists(root / name)) return root / name;
  WARN("skipped: no real data at " << (root / name).string());
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

}  // namespace mlrun::test
