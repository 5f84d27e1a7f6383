#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <map>
#include <memory>

#include "base/error.h"

namespace mlrun::log {
namespace {

/// The terminal shows bare messages (warnings and errors say what they are); the file is for later.
class Outputs {
 public:
  Outputs() : terminal_("mlrun", std::make_shared<spdlog::sinks::stderr_sink_mt>()) { terminal_.set_pattern("%v"); }

  void set_level(spdlog::level::level_enum level) { terminal_.set_level(level); }

  void set_file(const std::filesystem::path& path) {
    file_.reset();
    if (path.empty()) return;
    try {
      auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
      file_ = std::make_unique<spdlog::logger>("file", std::move(sink));
    } catch (const spdlog::spdlog_ex&) {
      throw file_error(path.string(), "cannot be written");
    }
    file_->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
    file_->flush_on(spdlog::level::info);
    file_->set_error_handler([](const std::string&) {});
  }

  void write(spdlog::level::level_enum level, const std::string& prefix, const std::string& message) {
    terminal_.log(level, prefix + message);
    record(level, message);
  }

  void record(spdlog::level::level_enum level, const std::string& message) {
    if (file_) file_->log(level, message);
  }

 private:
  spdlog::logger terminal_;
  std::unique_ptr<spdlog::logger> file_;
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

void debug(const std::string& message) { outputs().write(spdlog::level::debug, "", message); }
void info(const std::string& message) { outputs().write(spdlog::level::info, "", message); }
void warning(const std::string& message) { outputs().write(spdlog::level::warn, "warning: ", message); }
void record(const std::string& message) { outputs().record(spdlog::level::info, message); }
void error(const std::string& message) { outputs().write(spdlog::level::err, "error: ", message); }

}  // namespace mlrun::log
