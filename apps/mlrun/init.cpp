#include <CLI/CLI.hpp>

#include <fstream>

#include "apps/mlrun/arguments.h"
#include "apps/mlrun/command.h"
#include "base/files.h"
#include "base/shell_text.h"
#include "config/bind.h"
#include "recipes/registry.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

namespace {

/// This program as it was called.
std::string program_word() {
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::string word;
  std::getline(in, word, '\0');
  return word.empty() ? "mlrun" : word;
}

void refuse_existing(const fs::path& out) {
  if (!fs::exists(fs::symlink_status(out))) return;
  throw file_error(out.string(), "exists already", "choose another name with -o, or remove it");
}

/// `photos/` is photos.yaml in this folder.
fs::path default_out(const fs::path& root) {
  const fs::path whole = fs::absolute(root).lexically_normal();
  const fs::path last = whole.has_filename() ? whole.filename() : whole.parent_path().filename();
  return last.stem().string() + ".yaml";
}

Result write_starter(const engine::StarterKind& kind, const engine::StarterRequest& request) {
  refuse_existing(request.recipe);
  const engine::Starter starter = kind.make(request);
  refuse_existing(request.recipe);  // looking at the data may take a while
  write_file(request.recipe, starter.text);
  config::resolve({request.recipe, {}, recipe_folders()}, recipes::catalogue());
  const std::string command = shell_word(program_word()) + " train " + shell_word(request.recipe.string());
  Result result;
  result.json = starter.json;
  result.json["recipe"] = request.recipe.string();
  result.json["next"] = command;
  result.text = starter.summary + "wrote     " + request.recipe.string() + "; read it, and train:\n" + command + "\n";
  return result;
}

Command add_starter(CLI::App& group, const engine::StarterKind& kind) {
  CLI::App* app = group.add_subcommand(kind.task, kind.help);
  const auto request = std::make_shared<engine::StarterRequest>();
  app->add_option("DATA", request->root, "folder or file that holds the images")->required()->type_name("");
  app->add_option("--model", request->model,
                  "architecture, as `mlrun list models` names it (default: " + kind.model_help + ")")
      ->type_name("NAME");
  app->add_option("--format", request->format, "how the data lie on disk, as `mlrun list sources` names it")
      ->type_name("NAME");
  app->add_option("-o,--output", request->recipe, "recipe to write (default: the data's name with .yaml)")
      ->type_name("FILE");
  return {app, [request, &kind](const OutputOptions&) {
            if (request->recipe.empty()) request->recipe = default_out(request->root);
            return write_starter(kind, *request);
          }};
}

}  // namespace

std::vector<Command> add_init(CLI::App& root) {
  CLI::App* group = root.add_subcommand("init", "Look at data and write a first recipe for them");
  group->require_subcommand(1);
  std::vector<Command> commands;
  for (const auto& kind : recipes::starters()) commands.push_back(add_starter(*group, kind));
  return commands;
}

}  // namespace mlrun::apps
