#include <CLI/CLI.hpp>

#include "apps/mlrun/command.h"
#include "engine/run/checkpoint.h"
#include "engine/run/prune.h"
#include "engine/run/run_directory.h"
#include "engine/run/schema.h"
#include "report/format.h"
#include "report/table.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

/// The checkpoints that `path` means: those of a run, or the one that it is.
std::vector<fs::path> checkpoints_of(const fs::path& path) {
  if (engine::checkpoint_step(path) >= 0 || fs::exists(path / "manifest.json")) return {path};
  const auto found = engine::list_checkpoints(engine::RunDirectory::open(path).checkpoints());
  if (found.empty()) throw file_error(path.string(), "has no checkpoint yet", "let the training save one first");
  return found;
}

Result verify_checkpoints(const fs::path& path) {
  Result result;
  result.json = Json::array();
  report::Table table({{"checkpoint", report::Align::Left}, {"size"}, {"state", report::Align::Left}});
  for (const auto& checkpoint : checkpoints_of(path)) {
    Json entry = {{"checkpoint", checkpoint.string()},
                  {"bytes", engine::checkpoint_bytes(checkpoint)},
                  {"state", "intact"},
                  {"error", nullptr}};
    try {
      engine::verify_checkpoint(checkpoint);
    } catch (const UserError& error) {
      entry["state"] = dynamic_cast<const engine::LaterSchema*>(&error) == nullptr ? "damaged" : "newer";
      entry["error"] = error.problems().front().file + ": " + error.problems().front().message;
      result.problems.insert(result.problems.end(), error.problems().begin(), error.problems().end());
      result.code = ExitCode::User;
    }
    table.add({checkpoint.filename().string(), report::bytes(entry["bytes"].get<double>()),
               entry["state"].get<std::string>()});
    result.json.push_back(std::move(entry));
  }
  result.text = table.text();
  return result;
}

Command add_checkpoint_verify(CLI::App& group) {
  CLI::App* app =
      group.add_subcommand("verify", "Compare checkpoints with their checksums; exit code 2 for a damaged one");
  const auto path = std::make_shared<std::string>();
  app->add_option("RUN", *path, "run, or one of its checkpoints")->required();
  return {app, [path](const OutputOptions&) { return verify_checkpoints(*path); }};
}

struct PruneArguments {
  std::string run;
  engine::PruneRequest request;
};

Result prune_checkpoints(const PruneArguments& arguments) {
  Result result;
  Json list = Json::array();
  std::uint64_t freed = 0;
  report::Table table({{"checkpoint", report::Align::Left}, {"size"}, {"then"}, {"why", report::Align::Left}});
  for (const auto& entry : engine::prune_run(arguments.run, arguments.request)) {
    const bool kept = !entry.why.empty();
    table.add({entry.name, report::bytes(static_cast<double>(entry.before)),
               kept ? report::bytes(static_cast<double>(entry.after)) : "removed", entry.why});
    list.push_back({{"checkpoint", entry.name},
                    {"bytes", entry.before},
                    {"bytes_after", entry.after},
                    {"kept", kept},
                    {"why", kept ? Json(entry.why) : Json()}});
    freed += entry.before - entry.after;
  }
  result.json = {
      {"run", arguments.run}, {"checkpoints", list}, {"freed_bytes", freed}, {"dry_run", arguments.request.dry_run}};
  result.text = table.text() + report::bytes(static_cast<double>(freed)) +
                (arguments.request.dry_run ? " would be freed\n" : " freed\n");
  return result;
}

Command add_checkpoint_prune(CLI::App& group) {
  CLI::App* app = group.add_subcommand("prune", "Remove the checkpoints of a run but for its best and its last");
  const auto arguments = std::make_shared<PruneArguments>();
  app->add_option("RUN", arguments->run, "run")->required();
  app->add_option("--keep", arguments->request.keep, "keep the newest K, too")
      ->type_name("K")
      ->check(CLI::NonNegativeNumber);
  app->add_flag("--drop-optimizer", arguments->request.drop_optimizer,
                "of a finished run: take the state of the optimizers out of what stays");
  app->add_flag("--dry-run", arguments->request.dry_run, "only say what would be removed");
  return {app, [arguments](const OutputOptions&) { return prune_checkpoints(*arguments); }};
}

}  // namespace

std::vector<Command> add_checkpoint(CLI::App& root) {
  CLI::App* group = root.add_subcommand("checkpoint", "Look after the checkpoints of a run");
  group->require_subcommand(1);
  return {add_checkpoint_verify(*group), add_checkpoint_prune(*group)};
}

}  // namespace mlrun::apps
