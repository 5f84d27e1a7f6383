#include "engine/average/files.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <utility>

#include <torch/torch.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json.h"
#include "config/layers.h"
#include "engine/apply_session.h"
#include "engine/run/checkpoint.h"
#include "engine/run/run_directory.h"
#include "metrics/metric.h"
#include "optim/averaging.h"
#include "report/curves.h"
#include "report/format.h"
#include "weights/finite.h"

namespace mlrun::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostDifferences = 5;

std::string sizes_text(const torch::Tensor& tensor) {
  std::string text = "[";
  for (std::int64_t i = 0; i < tensor.dim(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(tensor.size(i));
  return text + "]";
}

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

/// The seed of a training that drew its first weights; empty where weights began with others, or do not tell.
std::string drawn_from(const weights::Metadata& metadata) {
  const auto recipe = metadata.find("recipe");
  if (recipe == metadata.end()) return "";
  const config::Node root = config::parse_yaml(recipe->second, "recipe");
  const auto value = [&root](const char* section, const char* key) -> const config::Node* {
    const config::Node* found = root.find(section);
    return found != nullptr ? found->find(key) : nullptr;
  };
  const config::Node* weights = value("model", "weights");
  const config::Node* file =
      weights != nullptr && weights->type == config::Node::Type::Map ? weights->find("file") : weights;
  const config::Node* seed = value("train", "seed");
  const bool drawn = file == nullptr || file->type == config::Node::Type::Null;
  return drawn && seed != nullptr ? seed->scalar : "";
}

std::vector<fs::path> best_of(const RunDirectory& run, std::vector<fs::path> all, std::int64_t most) {
  const Json best = run.info().value("best", Json::object());
  const std::string metric = best.is_object() ? best.value("metric", "") : "";
  if (metric.empty()) {
    throw file_error(run.path().string(), "has no metric that tells which checkpoints are best",
                     "choose them with --last or --from-epoch");
  }
  const auto figures = figures_of(run, metric);
  const bool lower = metrics::lower_is_better(metric);
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

/// How a set differs from the first one; empty where it does not.
std::vector<std::string> differences(const weights::NamedTensors& first, const weights::NamedTensors& other) {
  std::map<std::string, torch::Tensor> given(other.begin(), other.end());
  std::vector<std::string> found;
  for (const auto& [name, tensor] : first) {
    const auto at = given.find(name);
    if (at == given.end()) {
      found.push_back("lacks " + name);
      continue;
    }
    if (at->second.sizes() != tensor.sizes()) {
      found.push_back(name + " is " + sizes_text(at->second) + " instead of " + sizes_text(tensor));
    } else if (at->second.is_floating_point() != tensor.is_floating_point()) {
      found.push_back(name + " is " + torch::toString(at->second.scalar_type()) + " instead of " +
                      torch::toString(tensor.scalar_type()));
    }
    given.erase(at);
  }
  for (const auto& item : given) found.push_back("has " + item.first + " besides");
  return found;
}

void check_like_first(const AverageInput& input, const AverageInput& first, const weights::NamedTensors& expected,
                      const weights::NamedTensors& given) {
  const auto found = differences(expected, given);
  if (found.empty()) return;
  std::string text;
  for (std::size_t i = 0; i < found.size() && i < kMostDifferences; ++i) text += (i == 0 ? "" : ", ") + found[i];
  if (found.size() > kMostDifferences) text += " and " + std::to_string(found.size() - kMostDifferences) + " more";
  throw file_error(input.file.string(), "is not of the same model as " + first.file.string() + ": " + text,
                   "average weights of one architecture with one number of classes");
}

void refuse_quantized(const AverageInput& input, const weights::WeightFile& file) {
  const bool quantized = file.metadata.count("quantization") != 0 ||
                         std::any_of(file.tensors.begin(), file.tensors.end(), [](const auto& item) {
                           return item.second.is_quantized() || item.second.scalar_type() == torch::kChar;
                         });
  if (quantized) {
    throw file_error(input.file.string(), "is a quantized model, whose weights cannot be averaged",
                     "average the float weights and quantize the result");
  }
}

/// `other`, which is given up, in the order of `first`.
weights::NamedTensors in_order(const weights::NamedTensors& first, weights::NamedTensors other) {
  std::map<std::string, torch::Tensor> given(std::make_move_iterator(other.begin()),
                                             std::make_move_iterator(other.end()));
  weights::NamedTensors ordered;
  for (const auto& item : first) ordered.emplace_back(item.first, std::move(given.at(item.first)));
  return ordered;
}

/// Names and shapes without the bytes.
/// A file by its name and its place in a run: what is given away does not say where the run lay.
std::string place_in_run(const fs::path& file) {
  if (file.is_relative()) return file.string();
  constexpr std::ptrdiff_t kParts = 4;  // RUN/checkpoints/step-00000100/model.safetensors
  auto part = file.begin();
  std::advance(part, std::max<std::ptrdiff_t>(1, std::distance(file.begin(), file.end()) - kParts));
  fs::path place;
  for (; part != file.end(); ++part) place /= *part;
  return place.string();
}

weights::NamedTensors outline(const weights::NamedTensors& tensors) {
  weights::NamedTensors shapes;
  for (const auto& [name, tensor] : tensors) {
    shapes.emplace_back(name, torch::empty(tensor.sizes(), tensor.options().device(torch::kMeta)));
  }
  return shapes;
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

AveragedWeights average_files(const std::vector<AverageInput>& inputs, std::optional<double> ema_decay) {
  MLRUN_ASSERT(!inputs.empty(), "an average of nothing");
  optim::EqualAverage equal;
  optim::ExponentialAverage exponential(ema_decay.value_or(0));
  AveragedWeights result;
  const bool uniform =
      std::all_of(inputs.begin(), inputs.end(), [&](const auto& input) { return input.share == inputs.front().share; });
  weights::NamedTensors first;
  Json sources = Json::array();
  for (const auto& input : inputs) {
    weights::WeightFile file = weights::read_weights(input.file, input.entry);
    refuse_quantized(input, file);
    weights::refuse_not_finite(file.tensors, input.file.string());
    if (first.empty()) {
      first = outline(file.tensors);
      result.metadata = file.metadata;
    }
    check_like_first(input, inputs.front(), first, file.tensors);
    if (const std::string seed = drawn_from(file.metadata); !seed.empty()) result.seeds.insert(seed);
    auto ordered = in_order(first, std::move(file.tensors));
    if (ema_decay) exponential.add(ordered);
    else equal.add(std::move(ordered), uniform ? 1 : input.share);
    sources.push_back(
        {{"file", place_in_run(input.file)}, {"sha256", sha256_file(input.file)}, {"share", input.share}});
  }
  result.tensors = ema_decay ? exponential.mean() : equal.release_mean();
  result.metadata["averaged_from"] = json_text(sources);
  result.metadata["averaging"] = ema_decay ? "ema, decay " + report::shortest(*ema_decay) : "equal";
  result.metadata.emplace("format", "pt");
  return result;
}

}  // namespace mlrun::engine
