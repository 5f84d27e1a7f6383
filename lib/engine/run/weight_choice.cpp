#include "engine/run/weight_choice.h"

#include "base/error.h"
#include "base/shell_text.h"
#include "config/layers.h"
#include "engine/run/checkpoint.h"
#include "engine/run/run_directory.h"

namespace mlrun::engine {

namespace fs = std::filesystem;

namespace {

/// Which average the run's training made, by the name that its figures and `--weights` have; empty: none.
std::string average_made(const fs::path& run) {
  const fs::path file = RunDirectory::open(run).recipe_file();
  if (!fs::exists(file)) return "";
  const config::Node recipe = config::read_yaml(file);
  const config::Node* averaging = recipe.find("averaging");
  const config::Node* name = averaging != nullptr ? averaging->find("name") : nullptr;
  if (name == nullptr || name->scalar == "none") return "";
  return name->scalar == "ema" ? "ema" : "swa";  // swag's mean is swa's
}

WeightChoice choose_average(const fs::path& run, const std::string& choice) {
  const fs::path averaged = averaged_weights(run);
  if (averaged.empty()) {
    throw file_error(run.string(), "has no averaged weights", "train with `averaging`, or choose best or last");
  }
  const std::string made = average_made(run);
  if (made == choice || made.empty()) return {choice, averaged};
  throw file_error(run.string(), "has no " + choice + " weights: its training averaged by " + made,
                   "choose --weights " + made);
}

WeightChoice choose_calibrated(const fs::path& run) {
  const fs::path file = run / (std::string(kCalibrated) + ".safetensors");
  if (fs::exists(file)) return {kCalibrated, file};
  throw file_error(run.string(), "has no calibrated weights", "make them: mlrun calibrate " + shell_word(run.string()));
}

}  // namespace

fs::path averaged_weights(const fs::path& run) {
  const Json best = RunDirectory::open(run).info().value("best", Json());
  const std::string metric = best.is_object() ? best.value("metric", "") : "";
  const bool chosen = metric.find("/swa_") != std::string::npos || metric.find("/ema_") != std::string::npos;
  const fs::path file = run / "checkpoints" / (chosen ? "best" : "last") / "averaged.safetensors";
  return fs::exists(file) ? file : fs::path();
}

WeightChoice choose_weights(const fs::path& run, const std::string& choice) {
  if (fs::is_regular_file(choice)) return {fs::path(choice).filename().string(), choice};
  const fs::path folder = run / "checkpoints";
  if (choice == "swa" || choice == "ema") return choose_average(run, choice);
  if (choice == kCalibrated) return choose_calibrated(run);
  const std::string name = choice.empty() ? (fs::exists(folder / "best") ? "best" : "last") : choice;
  const fs::path file = folder / name / "model.safetensors";
  if (fs::exists(file)) return {name, file};
  std::string known;
  for (const auto& path : list_checkpoints(folder)) known += " " + path.filename().string();
  if (known.empty()) throw file_error(run.string(), "has no checkpoint yet", "let the training save one first");
  throw file_error(run.string(), "has no weights '" + name + "'", "choose best, last, a file or one of:" + known);
}

}  // namespace mlrun::engine
