#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/error.h"
#include "catch.h"

namespace mlrun::test {

/// A file below tests/fixtures.
std::filesystem::path fixture(const std::string& name);

/// The root of the source tree.
std::filesystem::path source_root();

/// Counts the running test as skipped, and says why; `scripts/test` lists them. The caller returns:
/// `if (!possible) return skip("why");`
void skip(const std::string& why);

/// A folder of the developers' real data (CONTRIBUTING, "Tests"), or nothing where it is absent: the test is skipped
/// then.
std::optional<std::filesystem::path> real_data(const std::string& name);

/// A new empty folder, removed with everything in it when the test ends.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  /// Writes `text` to `name` in the folder, making parents, and returns its path.
  std::filesystem::path write(const std::string& name, const std::string& text) const;

 private:
  std::filesystem::path path_;
};

/// Nothing is closed to root: while this lives, a test run by root acts as an ordinary user.
class Unprivileged {
 public:
  Unprivileged();
  ~Unprivileged();
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  bool changed_;
};

/// The text of the UserError that `action` throws; fails the test when it throws none.
template <class Action>
std::string user_error(Action action) {
  try {
    action();
  } catch (const UserError& error) {
    return error.what();
  }
  FAIL("no UserError was thrown");
  return "";
}

}  // namespace mlrun::test
