#include "base/log.h"

#include <fcntl.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>

#include "base/error.h"
#include "base/files.h"
#include "base/log_once.h"
#include "base/printable.h"

namespace mlrun::log {
namespace {

/// Lines at the end of a file, each with one write: nothing is held back. The first line that cannot be written is
/// reported through `warn`; the training goes on without.
class FileSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  using Warn = std::function<void(const std::string&)>;

  FileSink(const std::filesystem::path& path, Warn warn) : path_(path), warn_(std::move(warn)) {
    descriptor_ = open_lasting(path, O_WRONLY | O_APPEND);
    if (descriptor_ < 0) throw write_error(path, "cannot be written", errno);
  }
  ~FileSink() override { ::close(descriptor_); }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (write_all(line.data(), line.size()) || warned_) return;
    warned_ = true;
    if (message.level >= spdlog::level::err) return;  // the command has failed already
    warn_(printable_line(path_.string()) + ": cannot be written: " + std::strerror(errno) +
          "; lines are missing in it");
  }
  void flush_() override {}

 private:
  /// False with errno where not all could be written.
  bool write_all(const char* bytes, std::size_t size) const {
    while (size > 0) {
      const ssize_t written = ::write(descriptor_, bytes, size);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return false;
      bytes += written;
      size -= static_cast<std::size_t>(written);
    }
    return true;
  }

  std::filesystem::path path_;
  Warn warn_;
  int descriptor_ = -1;
  bool warned_ = false;
};

/// The terminal shows bare messages (warnings and errors say what they are); the file is for later.
class Outputs {
 public:
  Outputs() : terminal_("mlrun", std::make_shared<spdlog::sinks::stderr_sink_mt>()) { terminal_.set_pattern("%v"); }

  void set_level(spdlog::level::level_enum level) { terminal_.set_level(level); }

  void set_file(const std::filesystem::path& path) {
    file_.reset();
    {
      const std::lock_guard<std::mutex> lock(guard_);
      said_.clear();
    }
    if (path.empty()) return;
    auto sink =
        std::make_shared<FileSink>(path, [this](const std::string& problem) { terminal_.warn("warning: " + problem); });
    file_ = std::make_unique<spdlog::logger>("file", std::move(sink));
    file_->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
    file_->set_error_handler([](const std::string&) {});
  }

  void write(spdlog::level::level_enum level, const std::string& prefix, const std::string& message) {
    terminal_.log(level, prefix + message);
    record(level, message);
  }

  /// Whether nothing was said of it yet.
  bool first(const std::string& topic) {
    const std::lock_guard<std::mutex> lock(guard_);
    return said_.insert(topic).second;
  }

  void record(spdlog::level::level_enum level, const std::string& message) {
    if (file_) file_->log(level, message);
  }

 private:
  spdlog::logger terminal_;
  std::unique_ptr<spdlog::logger> file_;
  std::mutex guard_;
  std::set<std::string> said_;
};

Outputs& outputs() {
  static Outputs instance;
  return instance;
}

}  // namespace

Level parse_level(const std::string& text) {
  static const std::map<std::string, Level> levels = {{"debug", Level::Debug},
                                                      {"info", Level::Info},
                                                      {"warning", Level::Warning},
                                                      {"error", Level::Error},
                                                      {"off", Level::Off}};
  const auto found = levels.find(text);
  if (found == levels.end()) {
    throw UserError("unknown log level '" + text + "'", "choose debug, info, warning, error or off");
  }
  return found->second;
}

void set_level(Level level) {
  static const spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                                     spdlog::level::err, spdlog::level::off};
  outputs().set_level(levels[static_cast<int>(level)]);
}

void set_file(const std::filesystem::path& path) { outputs().set_file(path); }

void debug(const std::string& message) { outputs().write(spdlog::level::debug, "", printable(message)); }
void info(const std::string& message) { outputs().write(spdlog::level::info, "", printable_line(message)); }
void warning(const std::string& message) { outputs().write(spdlog::level::warn, "warning: ", printable_line(message)); }
void record(const std::string& message) { outputs().record(spdlog::level::info, printable_line(message)); }
void error(const std::string& message) { outputs().write(spdlog::level::err, "error: ", printable_line(message)); }
void warning_once(const std::string& topic, const std::string& message) {
  if (outputs().first(topic)) warning(message);
}

}  // namespace mlrun::log
