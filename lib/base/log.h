#pragma once

#include <filesystem>
#include <string>

/// Messages for people, on stderr and in a run's log. spdlog stays behind this facade.
namespace mlrun::log {

enum class Level { Debug, Info, Warning, Error, Off };

/// `debug`, `info`, `warning`, `error`, `off`; UserError otherwise.
Level parse_level(const std::string& text);

void set_level(Level level);
/// Messages also go, with time and level, to the end of this file; an empty path stops that.
void set_file(const std::filesystem::path& path);

/// Each message is shown as one printable line; only this one may have more.
void debug(const std::string& message);
void info(const std::string& message);
void warning(const std::string& message);
void error(const std::string& message);
/// For the file alone.
void record(const std::string& message);

}  // namespace mlrun::log
