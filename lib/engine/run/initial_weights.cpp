#include "engine/run/initial_weights.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "config/words.h"
#include "engine/run/checkpoint.h"
#include "engine/run/weight_choice.h"
#include "models/heads.h"
#include "models/named_model.h"
#include "models/registry.h"
#include "weights/file.h"
#include "weights/pretrained.h"
#include "weights/store.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

constexpr const char* kFileKey = "model.weights.file";

/// A problem at the place where `key` was written.
Problem problem_of_key(const config::Provenance& provenance, const std::string& key, std::string message,
                       std::string hint) {
  return config::problem_at(config::origin_of(provenance, key), key, std::move(message), std::move(hint));
}

/// The published weights that the recipe names; null where it names a file. Those of another model where `map` says
/// what becomes of their names: a backbone's.
const models::PublishedWeights* named_weights(const config::ModelSection& model) {
  const std::string name = model.weights.file->string();
  const std::string& architecture = model.architecture.name;
  if (!config::looks_like_name(name)) return nullptr;
  const models::PublishedWeights& weights = models::published_at(name, architecture);
  if (weights.model == architecture || !model.weights.map.empty()) return &weights;
  throw UserError("the weights " + weights.name() + " are of another model than " + architecture,
                  "`mlrun weights list " + architecture + "` shows those of this model");
}

/// An option of the architecture, null where it has none of this name.
Json architecture_option(const config::Component& architecture, const std::string& name) {
  const config::Field* field = models::models().at(architecture.name).options->find(name);
  return field == nullptr || !field->get ? Json() : field->get(architecture.options.get());
}

/// torchvision builds GoogLeNet and Inception with `transform_input` for its published weights.
std::string missing_option(const config::Component& architecture) {
  const bool apart = architecture_option(architecture, "transform_input") == Json(false);
  return apart ? "transform_input" : "";
}

void check_published(const config::Resolved& resolved, const models::PublishedWeights& weights) {
  const config::Component& architecture = resolved.recipe.model.architecture;
  const auto fail = [&](const std::string& key, const std::string& message, const std::string& hint) {
    throw UserError(problem_of_key(resolved.provenance, key, message, hint));
  };
  if (const std::string option = missing_option(architecture); !option.empty()) {
    fail("model." + option, "the published weights of " + architecture.name + " were trained with it",
         "set model." + option + ": true");
  }
  weights::verified_file(weights);
}

/// The weight file that `path` means: itself, or the best weights of a run, or those of a checkpoint.
fs::path file_of(const fs::path& path) {
  std::error_code unreadable;
  if (fs::exists(path / "run.json", unreadable)) return choose_weights(path, "").file;
  if (fs::exists(path / "manifest.json", unreadable)) return path / "model.safetensors";
  return path;
}

void check_file(const config::Resolved& resolved, const fs::path& path) {
  std::error_code error;
  const fs::path file = file_of(path);
  const auto status = fs::status(file, error);
  if (fs::exists(status) && !fs::is_directory(status)) return;
  std::string hint = "`mlrun weights list` shows the published weights";
  if (models::find_published(file.filename().string())) hint = "for published weights write DEFAULT or IMAGENET1K_V1";
  const std::string what =
      fs::is_directory(status) ? "is a folder, and neither a run nor a checkpoint: " : "does not exist: ";
  throw UserError(problem_of_key(resolved.provenance, kFileKey, what + file.string(), hint));
}

/// Auxiliary heads in published files go only into models that have them, as in torchvision.
void skip_auxiliary_heads(nn::Layer& model, const weights::NamedTensors& tensors, std::vector<std::string>& skip) {
  for (const std::string branch : models::kAuxiliaryHeads) {
    const std::string prefix = branch + ".";
    const auto begins = [&](const auto& item) { return item.first.rfind(prefix, 0) == 0; };
    const auto own = nn::state_dict(model);
    if (std::any_of(own.begin(), own.end(), begins)) continue;
    if (std::any_of(tensors.begin(), tensors.end(), begins)) skip.push_back(branch);
  }
}

}  // namespace

void check_initial_weights(const config::Resolved& resolved) {
  const config::ModelSection& model = resolved.recipe.model;
  if (!model.weights.file) {
    if (!models::reinitialises(model)) return;
    const std::string key = model.head == "reinit" ? "model.head" : "model.weights.head";
    throw UserError(problem_of_key(resolved.provenance, key, "reinit starts the last layer of given weights anew",
                                   "name them: model.weights: FILE"));
  }
  try {
    const models::PublishedWeights* published = named_weights(model);
    if (published == nullptr) check_file(resolved, *model.weights.file);
    else check_published(resolved, *published);
  } catch (const UserError& error) {  // of the floors below, which know no recipe
    auto problems = error.problems();
    for (auto& problem : problems) {
      if (problem.key.empty()) problem = problem_of_key(resolved.provenance, kFileKey, problem.message, problem.hint);
    }
    throw UserError(std::move(problems));
  }
}

void load_initial_weights(nn::Layer& model, const config::ModelSection& of_model) {
  const config::WeightsSection& section = of_model.weights;
  const models::PublishedWeights* published = named_weights(of_model);
  const fs::path file = published == nullptr ? file_of(*section.file) : weights::verified_file(*published);
  if (fs::exists(file.parent_path() / "manifest.json")) verify_checkpoint(file.parent_path());
  const weights::WeightFile content = weights::read_weights(file, section.entry.value_or(""));
  weights::PretrainedOptions options;
  options.strict = section.strict;
  options.map = section.map;
  options.skip = section.skip;
  options.reinitialise_head = models::reinitialises(of_model);
  if (published != nullptr) skip_auxiliary_heads(model, content.tensors, options.skip);
  const auto report = weights::load_pretrained(model, content.tensors, file.string(), options);
  std::string text = "weights from " + file.string();
  if (!content.entry.empty()) text += " (" + content.entry + ")";
  text += ": " + report.text();
  const Json built_for = models::options_for_weights(of_model);
  for (const auto& [name, value] : built_for.items()) {
    text += "; model." + name + " is " + (value.is_string() ? value.get<std::string>() : value.dump()) + " for them";
  }
  for (const auto& note : content.notes) text += "; " + note;
  log::info(text);
}

void apply_initial_weights(Task& task, const config::Recipe& recipe) {
  if (!recipe.model.weights.file) return;
  if (task.models().size() != 1) {
    throw UserError(Problem{"", 0, 0, kFileKey, "this task has several models", "leave model.weights out"});
  }
  load_initial_weights(*task.models().front().second, recipe.model);
}

}  // namespace mlrun::engine
