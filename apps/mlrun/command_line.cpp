#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <new>

#include "apps/mlrun/command.h"
#include "apps/mlrun/help.h"
#include "base/log.h"
#include "base/mapped_files.h"
#include "base/printable.h"
#include "base/thread_limit.h"
#include "base/version.h"
#include "config/registry.h"
#include "engine/run/schema.h"

namespace mlrun::apps {
namespace {

constexpr int kClosedPipe = 141;  // as a shell has it of a process that SIGPIPE ended

const char* status_name(ExitCode code) {
  switch (code) {
    case ExitCode::Done: return "ok";
    case ExitCode::Interrupted: return "interrupted";
    case ExitCode::Unmet: return "unmet";
    default: return "error";
  }
}

Json to_json(const Problem& problem) {
  const auto text = [](const std::string& s) { return s.empty() ? Json(nullptr) : Json(s); };
  const auto number = [](int n) { return n == 0 ? Json(nullptr) : Json(n); };
  return {{"file", text(problem.file)}, {"line", number(problem.line)}, {"column", number(problem.column)},
          {"key", text(problem.key)},   {"message", problem.message},   {"hint", text(problem.hint)}};
}

/// The one object of --json.
std::string envelope(const std::string& command, const Result& result, const std::vector<Problem>& problems) {
  Json errors = Json::array();
  for (const auto& problem : problems) errors.push_back(to_json(problem));
  const Json object = {{"schema", engine::kOutputSchema},
                       {"command", command},
                       {"status", status_name(result.code)},
                       {"exit_code", static_cast<int>(result.code)},
                       {"result", result.json},
                       {"errors", errors}};
  return printable_json(json_text(object)) + "\n";
}

/// The text for stdout. What scripts read goes to files and pipes as it is.
std::string shown_text(const Result& result) {
  return result.data && ::isatty(STDOUT_FILENO) != 1 ? result.text : printable(result.text);
}

/// Whether what failed is a file that is a pipe (`-o /dev/stdout`) whose reader went away.
bool reader_left(const std::vector<Problem>& problems) {
  return problems.size() == 1 && problems[0].message.ends_with(std::strerror(EPIPE));
}

/// Prints the outcome of a command where its readers expect it.
int report(const OutputOptions& output, const std::string& command, const Result& result,
           const std::vector<Problem>& problems) {
  if (reader_left(problems)) return kClosedPipe;
  std::cout << (output.json ? envelope(command, result, problems) : shown_text(result));
  std::cout.flush();
  const int failure = std::cout ? 0 : errno;
  if (failure == EPIPE && result.code != ExitCode::Interrupted) return kClosedPipe;
  for (const auto& problem : problems) log::error(problem.text());
  log::set_file("");  // a run's log ends with the run
  for (const auto& remark : result.remarks) log::info(remark);
  if (failure != 0 && failure != EPIPE) {
    log::error("stdout cannot be written: " + std::string(std::strerror(failure)));
    return static_cast<int>(ExitCode::User);
  }
  return static_cast<int>(result.code);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// LibTorch and the loader need some files at once, and LibTorch's own message names none of this.
void require_open_files() {
  constexpr rlim_t kNeeded = 32;
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kNeeded) return;
  throw UserError("Too many open files: only " + std::to_string(limit.rlim_cur) + " are allowed at a time",
                  "raise the limit to " + std::to_string(kNeeded) + " or more (ulimit -n)");
}

/// What stdout gets of a command that a cut file ends.
std::function<std::string(const Problem&)> cut_report(const OutputOptions& output, const std::string& command) {
  if (!output.json) return {};
  return [command](const Problem& problem) {
    Result result;
    result.code = ExitCode::User;
    return envelope(command, result, {problem});
  };
}

/// Runs `action` and turns whatever it throws into one report.
int guarded(const OutputOptions& output, const std::string& command, const std::function<Result()>& action) {
  Result result;
  std::vector<Problem> problems;
  const auto failed = [&](ExitCode code, std::string message, std::string hint) {
    result.code = code;
    problems.push_back({"", 0, 0, "", std::move(message), std::move(hint)});
  };
  try {
    watch_mapped_files(cut_report(output, command));
    require_open_files();
    result = action();
    problems = result.problems;
  } catch (const UserError& error) {
    result.code = error.code();
    problems = error.problems();
  } catch (const std::bad_alloc&) {
    failed(ExitCode::User, "out of memory", "lower train.batch_size or train.workers, or set train.accumulate");
  } catch (const std::filesystem::filesystem_error& error) {
    failed(ExitCode::User, error.path1().string() + ": " + error.code().message(), "");
  } catch (const std::exception& error) {
    const std::string text = first_line(error.what());
    if (is_thread_limit(error)) {
      result.code = ExitCode::User;
      problems = thread_error(dynamic_cast<const std::system_error&>(error).code()).problems();
    } else if (text.find("memory") != std::string::npos && text.find("alloc") != std::string::npos) {
      failed(ExitCode::User, "out of memory", "lower train.batch_size, or set train.accumulate");
    } else {
      failed(ExitCode::Bug, "this is a bug of mlrun: " + text, "please report it with the command and the recipe");
    }
  }
  return report(output, command, result, problems);
}

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(sub->get_name());
  return names;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

/// The deepest subcommand that the arguments reached.
const CLI::App& reached(const CLI::App& root) {
  const CLI::App* app = &root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  return *app;
}

/// `train`, `config show`.
std::string full_name(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  if (parent == nullptr) return "";
  const std::string before = full_name(*parent);
  return before.empty() ? app.get_name() : before + " " + app.get_name();
}

UserError usage_error(const CLI::App& root, const CLI::ParseError& error) {
  const CLI::App& app = reached(root);
  const std::string help = "see `" + (&app == &root ? std::string("mlrun") : "mlrun " + full_name(app)) + " --help`";
  const auto extras = app.remaining(true);
  if (extras.empty()) return UserError(first_line(error.what()), help);
  const std::string& word = extras.front();
  const bool option = word.rfind("-", 0) == 0;
  const auto known = option ? option_names(app) : command_names(app);
  const std::string guess = config::did_you_mean(word.substr(0, word.find('=')), known);
  const std::string what =
      option ? "unknown option '" : (known.empty() ? "unexpected argument '" : "unknown command '");
  return UserError(what + word + "'", guess.empty() ? help : guess);
}

void add_output_options(CLI::App& app, OutputOptions& output) {
  app.add_flag("--json", output.json, "print one JSON object, on failure too");
  app.add_flag("--quiet", output.quiet, "no progress, only warnings and errors");
  app.add_option("--log-level", output.log_level, "debug, info, warning, error or off")->type_name("LEVEL");
}

/// --version for `app` and every command below it.
void add_version(CLI::App& app) {
  app.set_version_flag("--version", std::string("mlrun ") + kVersion + " (" + kCommit + ")",
                       "Print the version and exit");
  for (CLI::App* sub : app.get_subcommands([](const CLI::App*) { return true; })) add_version(*sub);
}

void apply(const OutputOptions& output) {
  log::set_level(log::parse_level(output.log_level));
  if (output.quiet && output.log_level == "info") log::set_level(log::Level::Warning);
}

bool wants_json(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--json") == 0) return true;
  }
  return false;
}

}  // namespace

std::vector<Command> add_commands(CLI::App& root) {
  std::vector<Command> commands = {add_train(root), add_eval(root), add_predict(root)};
  for (auto& command : add_config(root)) commands.push_back(std::move(command));
  for (auto& command : add_weights(root)) commands.push_back(std::move(command));
  for (auto& command : add_data(root)) commands.push_back(std::move(command));
  for (auto& command : add_checkpoint(root)) commands.push_back(std::move(command));
  for (auto& command : add_init(root)) commands.push_back(std::move(command));
  for (auto& command : add_sweep(root)) commands.push_back(std::move(command));
  for (auto add : {add_swa_average, add_runs, add_report, add_list, add_inspect, add_export, add_quantize,
                   add_calibrate, add_bench, add_env})
    commands.push_back(add(root));
  return commands;
}

int run_command_line(int argc, const char* const* argv) {
  const auto words = with_help({argv, argv + argc});
  CLI::App root("Trains, evaluates and applies neural networks from YAML recipes.", "mlrun");
  root.formatter(help_formatter());
  root.require_subcommand(1);
  OutputOptions output;
  const auto commands = add_commands(root);
  root.add_subcommand("help", "Show the help of a command: help COMMAND");  // see with_help
  for (const auto& command : commands) add_output_options(*command.app, output);
  add_version(root);
  try {
    std::vector<std::string> reversed;  // as the parser wants them, without the program's name
    for (std::size_t i = words.size(); i > 1; --i) reversed.push_back(words[i - 1]);
    root.parse(std::move(reversed));
  } catch (const CLI::Success& request) {
    if (reached(root).remaining(true).empty()) return root.exit(request);
    output.json = wants_json(argc, argv);
    return guarded(output, full_name(reached(root)), [&]() -> Result { throw usage_error(root, request); });
  } catch (const CLI::ParseError& error) {
    output.json = wants_json(argc, argv);
    return guarded(output, full_name(reached(root)), [&]() -> Result { throw usage_error(root, error); });
  }
  const CLI::App& chosen = reached(root);
  for (const auto& command : commands) {
    if (command.app != &chosen) continue;
    return guarded(output, full_name(chosen), [&] {
      apply(output);
      return command.run(output);
    });
  }
  return guarded(output, full_name(chosen),
                 [&]() -> Result { throw UserError("a command is missing", "see `mlrun --help`"); });
}

}  // namespace mlrun::apps
