#include "engine/sweep/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/json.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

constexpr int kCannotStart = 126;

std::string content(std::FILE* file) {
  std::string text;
  char buffer[1 << 14];
  ssize_t got = 0;
  while ((got = ::pread(::fileno(file), buffer, sizeof buffer, static_cast<off_t>(text.size()))) > 0) {
    text.append(buffer, static_cast<std::size_t>(got));
  }
  return text;
}

std::string last_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

Problem problem_of(const Json& json) {
  const auto text = [&](const char* name) {
    const Json value = json.value(name, Json());
    return value.is_string() ? value.get<std::string>() : std::string();
  };
  const auto number = [&](const char* name) {
    const Json value = json.value(name, Json());
    return value.is_number_integer() ? value.get<int>() : 0;
  };
  return {text("file"), number("line"), number("column"), text("key"), text("message"), text("hint")};
}

}  // namespace

ChildCommand::ChildCommand(const fs::path& program, std::vector<std::string> words)
    : out_(std::tmpfile(), &std::fclose), err_(std::tmpfile(), &std::fclose) {
  if (!out_ || !err_) throw UserError(std::string("no temporary file can be made: ") + std::strerror(errno));
  for (std::FILE* file : {out_.get(), err_.get()}) ::fcntl(::fileno(file), F_SETFD, FD_CLOEXEC);
  words.insert(words.begin(), "mlrun");
  words.emplace_back("--json");
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw UserError(std::string("no process can be started: ") + std::strerror(errno));
  if (pid_ == 0) become(program.c_str(), arguments.data(), parent);
}

/// Between fork and exec: system calls alone.
void ChildCommand::become(const char* program, char** arguments, pid_t parent) const {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(kCannotStart);  // it ended before it was asked for
  ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
  ::dup2(::fileno(out_.get()), STDOUT_FILENO);
  ::dup2(::fileno(err_.get()), STDERR_FILENO);
  ::execv(program, arguments);
  ::_exit(kCannotStart);
}

ChildCommand::~ChildCommand() {
  if (ended()) return;
  stop();
  ::waitpid(pid_, nullptr, 0);
}

bool ChildCommand::ended() {
  int status = 0;
  if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
    pid_ = 0;
  }
  return pid_ <= 0;
}

void ChildCommand::stop() const {
  if (pid_ > 0) ::kill(pid_, SIGTERM);
}

std::vector<Problem> ChildCommand::problems() const {
  std::vector<Problem> problems;
  const Json printed = parse_json(content(out_.get()));
  const Json errors = printed.is_object() ? printed.value("errors", Json::array()) : Json::array();
  for (const auto& error : errors) problems.push_back(problem_of(error));
  if (!problems.empty()) return problems;
  Problem problem;
  problem.message = code_ > 128 ? std::string("ended by signal ") + std::to_string(code_ - 128) + " (" +
                                      ::strsignal(code_ - 128) + ")"
                                : "ended with exit code " + std::to_string(code_);
  const std::string said = last_line(content(err_.get()));
  if (!said.empty()) problem.message += ": " + said;
  if (code_ == 128 + SIGKILL)
    problem.hint = "where nobody did that, memory was short: lower --jobs or train.batch_size";
  return {problem};
}

}  // namespace mlrun::engine
