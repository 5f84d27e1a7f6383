#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "engine/average/files.h"
#include "engine/run/checkpoint.h"
#include "engine/run/recorded_figures.h"
#include "engine/run/run_directory.h"
#include "engine/run/weight_choice.h"
#include "report/curves.h"
#include "report/format.h"

namespace mlrun::engine {
namespace {

namespace fs = std::filesystem;

/// Epoch and value of the selecting metric of each step that was evaluated.
struct EpochFigure {
  double epoch = 0;
  std::optional<double> value;
};

std::map<std::int64_t, EpochFigure> figures_of(const RunDirectory& run, const std::string& metric) {
  std::map<std::int64_t, EpochFigure> figures;
  for (const Json& row : report::read_metric_rows(run.path())) {
    if (!row.contains("step") || !row["step"].is_number_integer()) continue;
    EpochFigure figure;
    figure.epoch = row["epoch"].get<double>();
    if (row.contains(metric) && row[metric].is_number()) figure.value = row[metric].get<double>();
    figures[row["step"].get<std::int64_t>()] = figure;
  }
  return figures;
}

/// The weights in a checkpoint's folder; the checkpoint is verified.
AverageInput checkpoint_input(const fs::path& folder, bool averaged) {
  verify_checkpoint(folder);
  const fs::path file = folder / (averaged ? "averaged.safetensors" : "model.safetensors");
  if (!fs::exists(file)) {
    throw file_error(folder.string(), "holds no averaged weights",
                     "take the raw ones, or name checkpoints of a training with `averaging`");
  }
  return {file, "", 1};
}

/// The checkpoint's folder that a link such as `best` points at, so that what is told stays true.
fs::path pointed_at(const fs::path& folder) {
  return fs::is_symlink(folder) ? folder.parent_path() / fs::read_symlink(folder) : folder;
}

AverageInput run_input(const fs::path& run, bool averaged) {
  RunDirectory::open(run);
  if (!averaged) return checkpoint_input(pointed_at(choose_weights(run, "").file.parent_path()), false);
  const fs::path file = averaged_weights(run);
  if (!file.empty()) return checkpoint_input(pointed_at(file.parent_path()), true);
  throw file_error(run.string(), "has no averaged weights",
                   "take the raw ones, or name runs that trained with `averaging`");
}

AverageInput folder_input(const fs::path& folder, bool averaged) {
  if (fs::exists(folder / "run.json")) return run_input(folder, averaged);
  if (fs::exists(folder / "manifest.json") || checkpoint_step(folder) >= 0) return checkpoint_input(folder, averaged);
  throw file_error(folder.string(), "is neither a run nor a checkpoint", "name runs, checkpoints or weight files");
}

std::vector<fs::path> best_of(const RunDirectory& run, std::vector<fs::path> all, std::int64_t most) {
  const Json best = run.info().value("best", Json::object());
  const std::string metric = best.is_object() ? best.value("metric", "") : "";
  if (metric.empty()) {
    throw file_error(run.path().string(), "has no metric that tells which checkpoints are best",
                     "choose them with --last or --from-epoch");
  }
  const auto figures = figures_of(run, metric);
  const bool lower = recorded_figure(metric, 0, best).better == report::Better::Lower;
  const auto score = [&](const fs::path& path) {
    const auto found = figures.find(checkpoint_step(path));
    const double worst = -INFINITY;
    if (found == figures.end() || !found->second.value) return worst;
    return lower ? -*found->second.value : *found->second.value;
  };
  all.erase(std::remove_if(all.begin(), all.end(), [&](const auto& path) { return std::isinf(score(path)); }),
            all.end());
  std::reverse(all.begin(), all.end());  // of equal ones the newest, as `best` is
  std::stable_sort(all.begin(), all.end(), [&](const auto& a, const auto& b) { return score(a) > score(b); });
  if (static_cast<std::int64_t>(all.size()) > most) all.resize(static_cast<std::size_t>(most));
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return checkpoint_step(a) < checkpoint_step(b); });
  return all;
}

std::vector<fs::path> since_epoch(const RunDirectory& run, const std::vector<fs::path>& all, std::int64_t epoch) {
  const auto figures = figures_of(run, "");
  std::vector<fs::path> found;
  for (const auto& path : all) {
    const auto figure = figures.find(checkpoint_step(path));
    if (figure != figures.end() && figure->second.epoch >= static_cast<double>(epoch)) found.push_back(path);
  }
  return found;
}

/// Those that training kept because the rate was lowest there.
std::vector<fs::path> of_minima(std::vector<fs::path> all) {
  const auto other = [](const fs::path& path) {
    return weights::read_safetensors_header(path / "model.safetensors").metadata.count("rate_minimum") == 0;
  };
  all.erase(std::remove_if(all.begin(), all.end(), other), all.end());
  return all;
}

}  // namespace

bool chooses(const Selection& selection) {
  return selection.last || selection.best || selection.from_epoch || selection.minima;
}

std::vector<AverageInput> select_checkpoints(const fs::path& run, const Selection& selection, bool averaged) {
  const RunDirectory directory = RunDirectory::open(run);
  std::vector<fs::path> chosen = list_checkpoints(directory.checkpoints());
  const auto available = chosen.size();
  std::int64_t wanted = 1;
  if (selection.last) {
    wanted = *selection.last;
    const auto skipped = std::max<std::int64_t>(0, static_cast<std::int64_t>(chosen.size()) - wanted);
    chosen.erase(chosen.begin(), chosen.begin() + skipped);
  } else if (selection.best) {
    wanted = *selection.best;
    chosen = best_of(directory, std::move(chosen), wanted);
  } else if (selection.from_epoch) {
    chosen = since_epoch(directory, chosen, *selection.from_epoch);
  } else if (selection.minima) {
    chosen = of_minima(std::move(chosen));
  }
  if (static_cast<std::int64_t>(chosen.size()) < wanted) {
    throw file_error(run.string(),
                     "has " + std::to_string(chosen.size()) + " such checkpoints where " + std::to_string(wanted) +
                         " are wanted (" + std::to_string(available) + " are kept in all)",
                     "ask for fewer; a training keeps more with train.checkpoint.keep");
  }
  return inputs_of(chosen, averaged);
}

std::vector<AverageInput> inputs_of(const std::vector<fs::path>& paths, bool averaged) {
  std::vector<AverageInput> inputs;
  for (const auto& path : paths) {
    if (!fs::exists(path)) throw file_error(path.string(), "does not exist", "name runs, checkpoints or weight files");
    if (fs::is_directory(path)) inputs.push_back(folder_input(path, averaged));
    else inputs.push_back({path, averaged ? "model_ema" : "", 1});
  }
  return inputs;
}

void set_shares(std::vector<AverageInput>& inputs, const std::vector<double>& shares) {
  if (shares.empty()) {
    for (auto& input : inputs) input.share = 1.0 / static_cast<double>(inputs.size());
    return;
  }
  if (shares.size() != inputs.size()) {
    throw UserError(
        "--weights names " + std::to_string(shares.size()) + " shares for " + std::to_string(inputs.size()) + " inputs",
        "give one for each, as --weights 0.5,0.3,0.2");
  }
  const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  const bool positive = std::all_of(shares.begin(), shares.end(), [](double share) { return share > 0; });
  if (!positive || !(std::abs(sum - 1) <= 1e-6)) {
    throw UserError(
        "--weights: the shares sum to " + report::significant(sum, 6) + (positive ? "" : ", and not all are above 0"),
        "give shares above 0 that sum to 1");
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].share = shares[i];
}

}  // namespace mlrun::engine
