#pragma once

#include <exception>
#include <string>
#include <vector>

namespace mlrun {

/// Exit codes of the executable, as docs/commands.md has them.
enum class ExitCode { Done = 0, Bug = 1, User = 2, Unmet = 3, Interrupted = 75 };

/// One thing a user can mend. Empty strings and zeros mean "does not apply".
struct Problem {
  std::string file;
  int line = 0;    ///< 1-based
  int column = 0;  ///< 1-based
  std::string key;
  std::string message;
  std::string hint;

  /// One printable line: `file:line:column: key: message; hint`.
  std::string text() const;
};

/// What a user can mend: a recipe, data, weights, a full disk. Ends the command with exit code 2
/// (or the one given) and one line for each problem.
class UserError : public std::exception {
 public:
  explicit UserError(std::string message, std::string hint = "");
  explicit UserError(Problem problem);
  explicit UserError(std::vector<Problem> problems, ExitCode code = ExitCode::User);

  const std::vector<Problem>& problems() const { return problems_; }
  ExitCode code() const { return code_; }
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::vector<Problem> problems_;
  ExitCode code_ = ExitCode::User;
  std::string text_;
};

/// A user error about one file.
UserError file_error(const std::string& file, std::string message, std::string hint = "");

/// A broken invariant: a bug of ours, reported with its place.
class InternalError : public std::exception {
 public:
  InternalError(const char* file, int line, const std::string& message);
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

}  // namespace mlrun

/// Throws InternalError with the location unless `condition` holds.
#define MLRUN_ASSERT(condition, message)                                           \
  do {                                                                             \
    if (!(condition)) throw ::mlrun::InternalError(__FILE__, __LINE__, (message)); \
  } while (false)
