#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace mlrun::apps {

/// What a command has to say: the text for people, the object for scripts.
struct Result {
  Json json = Json::object();
  std::string text;   ///< for stdout, with its final newline
  bool data = false;  ///< the text is CSV or a path, which scripts read
  ExitCode code = ExitCode::Done;
  std::vector<Problem> problems;       ///< of a command that went on after them
  std::vector<std::string> remarks{};  ///< for people, on stderr behind the text
};

/// How every command reports.
struct OutputOptions {
  bool json = false;
  bool quiet = false;
  std::string log_level = "info";
};

/// A subcommand: its place on the command line and what it does.
struct Command {
  CLI::App* app = nullptr;
  std::function<Result(const OutputOptions&)> run;
};

/// All subcommands, added to `root`.
std::vector<Command> add_commands(CLI::App& root);

Command add_train(CLI::App& root);
Command add_eval(CLI::App& root);
Command add_predict(CLI::App& root);
std::vector<Command> add_config(CLI::App& root);
std::vector<Command> add_data(CLI::App& root);
std::vector<Command> add_checkpoint(CLI::App& root);
Command add_runs(CLI::App& root);
Command add_report(CLI::App& root);
Command add_swa_average(CLI::App& root);
std::vector<Command> add_sweep(CLI::App& root);
std::vector<Command> add_init(CLI::App& root);

Command add_list(CLI::App& root);
Command add_inspect(CLI::App& root);
Command add_export(CLI::App& root);
Command add_quantize(CLI::App& root);
Command add_calibrate(CLI::App& root);
std::vector<Command> add_weights(CLI::App& root);
Command add_bench(CLI::App& root);
Command add_env(CLI::App& root);

/// Parses the arguments, runs the command, prints its result or its errors; the exit code.
int run_command_line(int argc, const char* const* argv);

}  // namespace mlrun::apps
