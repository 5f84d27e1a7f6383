#include "engine/checkpointer.h"

#include <algorithm>

#include "base/error.h"
#include "base/log.h"
#include "engine/model_state.h"

namespace mlrun::engine {
namespace {

/// Lower is better of losses, higher of everything else.
bool better(const std::string& metric, double value, double than) {
  const bool loss = metric.size() >= 4 && metric.compare(metric.size() - 4, 4, "loss") == 0;
  return loss ? value < than : value > than;
}

/// The metric that chooses `best`: what the recipe says, which must be measured, or the task's own.
std::string selecting_metric(Task& task, const std::optional<std::string>& wanted) {
  if (!wanted) return "val/" + task.headline();
  const auto refuse = [&](const std::string& why, const std::string& remedy) {
    throw UserError(Problem{"", 0, 0, "train.select", "'" + *wanted + "' " + why, remedy});
  };
  if (!task.source(data::Split::Val)) {
    refuse("cannot be measured: the data set '" + task.data().name + "' has no val split",
           "give data.split.val a share, or set train.select to null");
  }
  std::vector<std::string> known;
  std::string all;
  for (const auto& metric : task.metrics(data::Split::Val)) {
    for (const auto& figure : metric->compute()) {
      known.push_back("val/" + figure.first);
      all += (all.empty() ? "" : ", ") + known.back();
    }
  }
  if (std::find(known.begin(), known.end(), *wanted) == known.end()) {
    refuse("is not measured during training", "choose one of " + all);
  }
  return *wanted;
}

/// What a resumed run will say again is taken out of its log.
void cut_log(const std::filesystem::path& file, std::uintmax_t bytes) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (!error && size > bytes) std::filesystem::resize_file(file, bytes, error);
}

/// The recipe that weights carry: without what says how a run was made and not what it computes, so
/// that the same training gives the same bytes.
Json carried_recipe(const Json& values) {
  Json recipe = values;
  for (const char* key : {"workers", "log_every", "log_steps"}) recipe.at("train").erase(key);
  return recipe;
}

}  // namespace

Checkpointer::Checkpointer(const RunDirectory& run, Trainer& trainer, Task& task, const config::Resolved& resolved)
    : run_(run), trainer_(trainer), task_(task), resolved_(resolved) {
  select_ = selecting_metric(task, resolved.recipe.train.select);
}

bool Checkpointer::restore() {
  const auto all = list_checkpoints(run_.checkpoints());
  if (all.empty()) {
    cut_log(run_.log_file(), 0);
    return false;
  }
  const Checkpoint checkpoint = read_checkpoint(all.back());
  load_model_tensors(task_.models(), checkpoint.weights, (all.back() / "model.safetensors").string());
  trainer_.load(checkpoint.state, "trainer.");
  const Json& best = checkpoint.state.value("best");
  if (best.is_object()) {
    best_ =
        Best{best.at("metric").get<std::string>(), best.at("value").get<double>(), best.at("step").get<std::int64_t>()};
  }
  cut_log(run_.log_file(), checkpoint.state.value("log_bytes").get<std::uintmax_t>());
  saved_step_ = checkpoint.step;
  relink(all);
  return true;
}

void Checkpointer::relink(const std::vector<std::filesystem::path>& all) const {
  link_checkpoint(run_.checkpoints(), "last", all.back().filename().string());
  for (const auto& path : all) {
    if (best_ && checkpoint_step(path) == best_->step) {
      link_checkpoint(run_.checkpoints(), "best", path.filename().string());
    }
  }
}

bool Checkpointer::improve(const EpochReport& report) {
  if (!report.evaluation) return false;
  const double* value = report.evaluation->find(select_.substr(std::string("val/").size()));
  MLRUN_ASSERT(value != nullptr, "the evaluation has no " + select_);
  if (best_ && !better(select_, *value, best_->value)) return false;
  best_ = Best{select_, *value, report.position.step};
  return true;
}

bool Checkpointer::due(const Position& position) const {
  const Plan& plan = trainer_.plan();
  const std::int64_t every =
      optim::span_steps(resolved_.recipe.train.checkpoint.every,
                        {plan.steps_per_epoch, plan.steps_per_epoch * plan.epochs}, "train.checkpoint.every");
  return position.epoch == plan.epochs ||
         (every > 0 && position.step / every != (position.step - plan.steps_per_epoch) / every);
}

void Checkpointer::on_epoch(const EpochReport& report) {
  const bool improved = improve(report);
  if (!improved && !due(report.position)) return;
  save(report.position);
  if (improved || !best_) {
    link_checkpoint(run_.checkpoints(), "best", list_checkpoints(run_.checkpoints()).back().filename().string());
  }
  prune_checkpoints(run_.checkpoints(), resolved_.recipe.train.checkpoint.keep);
}

void Checkpointer::on_stop(const Position& position, bool) {
  if (position.step != saved_step_) save(position);
}

weights::Metadata Checkpointer::metadata(const Position& position) const {
  Json preprocessing = task_.preprocessing();
  preprocessing["transforms"] = resolved_.values.at("data").at("preprocess");
  return {{"format", "pt"},
          {"recipe", config::to_yaml(carried_recipe(resolved_.values))},
          {"data", json_text(to_json(task_.data()))},
          {"classes", json_text(task_.data().classes)},
          {"preprocessing", json_text(preprocessing)},
          {"step", std::to_string(position.step)}};
}

void Checkpointer::save(const Position& position) {
  Checkpoint checkpoint;
  checkpoint.step = position.step;
  checkpoint.weights = model_tensors(task_.models());
  checkpoint.metadata = metadata(position);
  trainer_.save(checkpoint.state, "trainer.");
  checkpoint.state.put(
      "best", best_ ? Json{{"metric", best_->metric}, {"value", best_->value}, {"step", best_->step}} : Json(nullptr));
  std::error_code no_log;
  const auto log_bytes = std::filesystem::file_size(run_.log_file(), no_log);
  checkpoint.state.put("log_bytes", no_log ? Json(0) : Json(log_bytes));
  const auto path = write_checkpoint(run_.checkpoints(), checkpoint);
  link_checkpoint(run_.checkpoints(), "last", path.filename().string());
  saved_step_ = position.step;
  log::debug("saved " + path.string());
}

}  // namespace mlrun::engine
