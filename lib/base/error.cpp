#include "base/error.h"

#include <cstring>

#include "base/printable.h"

namespace mlrun {

std::string Problem::text() const {
  std::string out;
  if (!file.empty()) {
    out += file;
    if (line > 0) out += ":" + std::to_string(line);
    if (line > 0 && column > 0) out += ":" + std::to_string(column);
    out += ": ";
  }
  if (!key.empty()) out += key + ": ";
  out += message;
  if (!hint.empty()) out += "; " + hint;
  return printable_line(out);  // names and values of the user's may hold line breaks and worse
}

UserError::UserError(std::string message, std::string hint)
    : UserError(Problem{"", 0, 0, "", std::move(message), std::move(hint)}) {}

UserError::UserError(Problem problem) : UserError(std::vector<Problem>{std::move(problem)}) {}

UserError::UserError(std::vector<Problem> problems, ExitCode code) : problems_(std::move(problems)), code_(code) {
  for (const auto& problem : problems_) {
    if (!text_.empty()) text_ += "\n";
    text_ += problem.text();
  }
}

UserError file_error(const std::string& file, std::string message, std::string hint) {
  return UserError(Problem{file, 0, 0, "", std::move(message), std::move(hint)});
}

InternalError::InternalError(const char* file, int line, const std::string& message) {
  const char* name = std::strrchr(file, '/');
  text_ = std::string(name != nullptr ? name + 1 : file) + ":" + std::to_string(line) + ": " + message;
}

}  // namespace mlrun
