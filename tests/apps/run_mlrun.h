#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "support.h"

/// The executable as its users meet it: a process with arguments, a folder and an environment.
namespace mlrun::test {

struct Invocation {
  std::vector<std::string> arguments;
  std::filesystem::path folder = ".";                   ///< where it runs
  std::map<std::string, std::string> environment = {};  ///< added to this process's
  std::string standard_out = {};  ///< a file in place of the captured stdout; `|` is a pipe nobody reads, `-` closes it
  bool ignore_sigpipe = false;
  double timeout = 60;         ///< seconds
  bool closed_stderr = false;  ///< a pipe nobody reads in place of the captured stderr
  int ignored_signal = 0;      ///< as nohup does with SIGHUP; 0: none
  std::string executable = MLRUN_EXECUTABLE;
};

struct Outcome {
  int code = -1;  ///< as a shell has it: 128+n of a process that signal n ended
  std::string out, err;

  /// stdout as the one JSON object that --json promises; fails the test where it is none.
  Json json() const {
    INFO("stdout: " << out << "\nstderr: " << err);
    const Json parsed = Json::parse(out, nullptr, /*allow_exceptions=*/false);
    REQUIRE(parsed.is_object());
    return parsed;
  }
};

/// A started mlrun. It is killed where the test ends before it does.
class Child {
 public:
  explicit Child(const Invocation& invocation)
      : out_(std::tmpfile(), &std::fclose), err_(std::tmpfile(), &std::fclose), timeout_(invocation.timeout) {
    std::vector<std::string> words = {invocation.executable};
    words.insert(words.end(), invocation.arguments.begin(), invocation.arguments.end());
    std::vector<std::string> settings = environment_of(invocation);
    auto argv = pointers(words);
    auto envp = pointers(settings);
    pid_ = ::fork();
    if (pid_ != 0) return;
    redirect(invocation);
    ::signal(SIGHUP, SIG_DFL);  // the tests may run under nohup
    ::signal(SIGPIPE, invocation.ignore_sigpipe ? SIG_IGN : SIG_DFL);
    if (invocation.ignored_signal != 0) ::signal(invocation.ignored_signal, SIG_IGN);
    if (::chdir(invocation.folder.c_str()) == 0) ::execve(words[0].c_str(), argv.data(), envp.data());
    ::dprintf(STDERR_FILENO, "%s cannot be started\n", words[0].c_str());
    ::_exit(126);
  }
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void signal(int number) const { REQUIRE(::kill(pid_, number) == 0); }

  std::string err() const { return content(err_.get()); }

  /// Waits until `ready` returns true; fails the test where the process ends first or time is up.
  template <class Ready>
  void wait_until(Ready ready) {
    const auto begin = Clock::now();
    while (!ready()) {
      const bool ended = poll();
      INFO("stderr: " << err());
      if (ended || expired(begin)) FAIL("mlrun " << (ended ? "ended" : "was too slow") << " before it was ready");
      pause();
    }
  }

  Outcome wait() {
    const auto begin = Clock::now();
    while (!poll()) {
      INFO("stderr: " << err());
      if (expired(begin)) FAIL("mlrun did not end within " << timeout_ << " s");
      pause();
    }
    return {code_, content(out_.get()), content(err_.get())};
  }

 private:
  using Clock = std::chrono::steady_clock;
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

  /// No GPU, so that every machine gives the same results, and no settings of this user.
  static std::vector<std::string> environment_of(const Invocation& invocation) {
    std::map<std::string, std::string> settings = {{"CUDA_VISIBLE_DEVICES", ""}};
    settings.insert(invocation.environment.begin(), invocation.environment.end());
    std::vector<std::string> list;
    for (const auto& [name, value] : settings) list.push_back(name + "=" + value);
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string text = *entry;
      const std::string name = text.substr(0, text.find('='));
      if (settings.count(name) == 0 && name.rfind("MLRUN_", 0) != 0) list.push_back(text);
    }
    return list;
  }

  static std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> list;
    for (auto& word : words) list.push_back(word.data());
    list.push_back(nullptr);
    return list;
  }

  static int closed_pipe() {
    int ends[2] = {-1, -1};
    if (::pipe(ends) == 0) ::close(ends[0]);
    return ends[1];
  }

  void redirect(const Invocation& invocation) const {
    int target = ::fileno(out_.get());
    if (invocation.standard_out == "|") {
      target = closed_pipe();
    } else if (!invocation.standard_out.empty() && invocation.standard_out != "-") {
      target = ::open(invocation.standard_out.c_str(), O_WRONLY);
    }
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    ::dup2(target, STDOUT_FILENO);
    ::dup2(invocation.closed_stderr ? closed_pipe() : ::fileno(err_.get()), STDERR_FILENO);
    if (invocation.standard_out == "-") ::close(STDOUT_FILENO);
  }

  static std::string content(std::FILE* file) {
    std::string text;
    char buffer[1 << 14];
    ssize_t got = 0;
    while ((got = ::pread(::fileno(file), buffer, sizeof buffer, static_cast<off_t>(text.size()))) > 0) {
      text.append(buffer, static_cast<std::size_t>(got));
    }
    return text;
  }

  /// True when the process has ended.
  bool poll() {
    int status = 0;
    if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
      code_ = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      pid_ = 0;
    }
    return pid_ <= 0;
  }

  bool expired(Clock::time_point begin) const {
    return std::chrono::duration<double>(Clock::now() - begin).count() > timeout_;
  }
  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(5)); }

  File out_, err_;
  double timeout_;
  pid_t pid_ = -1;
  int code_ = -1;
};

inline Outcome run(const Invocation& invocation) { return Child(invocation).wait(); }

inline Outcome mlrun(const std::vector<std::string>& arguments, const std::filesystem::path& folder = ".") {
  return run({arguments, folder, {}});
}

/// The outcomes of commands that do not touch each other, as many at a time as there are processors.
inline std::vector<Outcome> run_all(const std::vector<Invocation>& invocations) {
  const std::size_t most = std::max(1U, std::thread::hardware_concurrency());
  std::vector<std::unique_ptr<Child>> children;
  std::vector<Outcome> outcomes;
  for (const auto& invocation : invocations) {
    if (children.size() - outcomes.size() == most) outcomes.push_back(children[outcomes.size()]->wait());
    children.push_back(std::make_unique<Child>(invocation));
  }
  while (outcomes.size() < children.size()) outcomes.push_back(children[outcomes.size()]->wait());
  return outcomes;
}

/// Checks what --json promises of every command, and returns the `result`.
inline Json result_of(const Outcome& outcome, const std::string& command, const std::string& status) {
  const Json json = outcome.json();
  std::vector<std::string> keys;
  for (const auto& item : json.items()) keys.push_back(item.key());
  CHECK(keys == std::vector<std::string>{"schema", "command", "status", "exit_code", "result", "errors"});
  CHECK(json.at("schema") == 1);
  CHECK(json.at("command") == command);
  CHECK(json.at("status") == status);
  CHECK(json.at("exit_code") == outcome.code);
  CHECK(json.at("errors").is_array());
  return json.at("result");
}

/// Checks that a command failed as one that the user can mend, with one line; returns that line.
inline std::string refusal(const Outcome& outcome) {
  INFO("stdout: " << outcome.out << "\nstderr: " << outcome.err);
  CHECK(outcome.code == 2);
  CHECK(outcome.out.empty());
  CHECK(std::count(outcome.err.begin(), outcome.err.end(), '\n') == 1);
  CHECK(outcome.err.rfind("error: ", 0) == 0);
  return outcome.err;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace mlrun::test
