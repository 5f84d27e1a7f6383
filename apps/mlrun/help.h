#pragma once

#include <memory>
#include <string>
#include <vector>

namespace CLI {
class FormatterBase;
}

namespace mlrun::apps {

/// Writes help pages of at most 100 columns: names, what stands behind them, and defaults in words.
std::shared_ptr<CLI::FormatterBase> help_formatter();

/// The arguments of `mlrun help COMMAND...` as `mlrun COMMAND... --help`, those of a bare `mlrun` as `mlrun --help`;
/// others as they are. All with the program's name in front.
std::vector<std::string> with_help(std::vector<std::string> arguments);

}  // namespace mlrun::apps
