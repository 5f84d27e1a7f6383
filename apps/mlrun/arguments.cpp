#include "apps/mlrun/arguments.h"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <map>
#include <utility>

#include "base/error.h"

namespace mlrun::apps {

namespace fs = std::filesystem;

struct RecipeArguments::Impl {
  CLI::App* app = nullptr;
  std::vector<std::string> words, sets;
  std::vector<std::string> recipes;
  CLI::Option* words_option = nullptr;
  CLI::Option* sets_option = nullptr;
  std::map<const CLI::Option*, std::string> keys;  // options that stand for a key

  /// One `key=value` after another, as written; words that are none are left out.
  std::vector<std::string> in_order() const {
    std::map<const CLI::Option*, std::size_t> used;
    std::vector<std::string> found;
    for (const CLI::Option* option : app->parse_order()) {
      const auto& results = option->results();
      const std::size_t index = used[option]++;
      if (index >= results.size()) continue;
      const auto key = keys.find(option);
      if (key != keys.end()) found.push_back(key->second + "=" + results[index]);
      else if (option == sets_option) found.push_back(results[index]);
      else if (option == words_option && is_override(results[index])) found.push_back(results[index]);
    }
    return found;
  }
};

RecipeArguments::RecipeArguments(CLI::App& app, const std::string& operands) : impl_(std::make_unique<Impl>()) {
  impl_->app = &app;
  impl_->words_option = app.add_option(operands, impl_->words, "what to work on, and key=value overrides of its recipe")
                            ->type_name("[KEY=VALUE]");
  app.add_option("-c,--config", impl_->recipes, "recipe: a file, or the name of a shipped one")
      ->type_name("RECIPE")
      ->allow_extra_args(false);
  impl_->sets_option = app.add_option("--set", impl_->sets, "one override; the same as a bare key=value")
                           ->type_name("KEY=VALUE")
                           ->allow_extra_args(false);
  const auto stands_for = [&](const char* name, const char* key, const char* type, const char* help) {
    CLI::Option* option = app.add_option_function<std::vector<std::string>>(
        name, [](const std::vector<std::string>&) {}, std::string(help) + " (" + key + ")");
    option->type_name(type)->allow_extra_args(false)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    impl_->keys[option] = key;
  };
  stands_for("--seed", "train.seed", "N", "seed of weights, order and augmentation");
  stands_for("--device", "train.device", "DEVICE", "auto, cpu, cuda or cuda:N");
  stands_for("--threads", "train.threads", "N", "compute threads");
  stands_for("--workers", "train.workers", "N", "loading threads");
}

RecipeArguments::~RecipeArguments() = default;

std::vector<std::string> RecipeArguments::operands() const {
  std::vector<std::string> found;
  for (const auto& word : impl_->words) {
    if (!is_override(word)) found.push_back(word);
  }
  return found;
}

std::string RecipeArguments::take(const std::string& ending) {
  for (auto word = impl_->words.begin(); word != impl_->words.end(); ++word) {
    if (is_override(*word) || fs::path(*word).extension() != ending) continue;
    const std::string taken = *word;
    impl_->words.erase(word);
    return taken;
  }
  return "";
}

std::vector<config::Override> RecipeArguments::overrides() const {
  std::vector<config::Override> found;
  for (const auto& text : impl_->in_order()) found.push_back(config::parse_override(text));
  return found;
}

std::string RecipeArguments::subject() const {
  if (!impl_->recipes.empty()) return impl_->recipes.front();
  const auto words = operands();
  return words.empty() ? "" : words.front();
}

std::string RecipeArguments::chosen_recipe() const { return impl_->recipes.empty() ? "" : impl_->recipes.front(); }

void RecipeArguments::expect_one(const std::string& kind, const std::string& hint) const {
  auto named = impl_->recipes;
  for (const auto& word : operands()) named.push_back(word);
  if (named.size() > 1) throw UserError("more than one " + kind + ": " + named[0] + " and " + named[1], hint);
}

fs::path RecipeArguments::recipe() const {
  expect_one("recipe", "name one; a recipe builds on others with `extends`");
  const std::string name = subject();
  return name.empty() ? fs::path() : config::find_recipe(name, recipe_folders());
}

std::vector<fs::path> recipe_folders() {
  std::vector<fs::path> folders;
  if (const char* chosen = std::getenv("MLRUN_CONFIGS")) folders.emplace_back(chosen);
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) return folders;
  for (const char* place : {"../share/mlrun/configs", "../../configs", "../configs"}) {
    const fs::path folder = (program.parent_path() / place).lexically_normal();
    if (fs::is_directory(folder)) folders.push_back(folder);
  }
  return folders;
}

bool is_override(const std::string& word) {
  const auto equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  if (word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != equals)
    return false;
  std::error_code error;
  return !fs::exists(word, error);
}

}  // namespace mlrun::apps
