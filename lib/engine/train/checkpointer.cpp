#include "engine/train/checkpointer.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/log.h"
#include "base/paths.h"
#include "engine/run/model_state.h"
#include "engine/run/recorded_figures.h"
#include "engine/run/weights_metadata.h"
#include "engine/train/divergence.h"
#include "engine/train/selection.h"
#include "weights/finite.h"

namespace mlrun::engine {
namespace {

/// What a resumed run will say again is taken out of its log.
void cut_log(const std::filesystem::path& file, std::uintmax_t bytes) {
  std::error_code error;
  const auto size = std::filesystem::file_size(file, error);
  if (!error && size > bytes) std::filesystem::resize_file(file, bytes, error);
}

/// The last update can spoil weights after the last loss was looked at.
void check_finite(const Checkpoint& checkpoint) {
  const auto name = weights::first_not_finite(checkpoint.weights);
  if (name) throw Divergence("weights are not finite: " + *name, checkpoint.step);
}

bool intact(const std::filesystem::path& checkpoint) {
  try {
    verify_checkpoint(checkpoint);
    return true;
  } catch (const DamagedCheckpoint& error) {
    log::warning(error.what());
    return false;
  }
}

}  // namespace

Checkpointer::Checkpointer(const RunDirectory& run, Trainer& trainer, Task& task, const config::Resolved& resolved)
    : run_(run), trainer_(trainer), task_(task), resolved_(resolved) {
  select_ = trainer.selects();
}

std::optional<Checkpoint> Checkpointer::newest_intact(std::vector<std::string>& warnings) const {
  auto all = list_checkpoints(run_.checkpoints());
  std::vector<Problem> problems;
  std::size_t damaged = 0;
  while (damaged < all.size()) {
    try {
      Checkpoint checkpoint = read_checkpoint(all[all.size() - 1 - damaged]);
      for (std::size_t i = 0; i < damaged; ++i) {
        const auto aside = set_aside(all[all.size() - 1 - i]);
        warnings.push_back(problems[i].file + ": " + problems[i].message + "; it is kept as " +
                           aside.filename().string() + " and step " + std::to_string(checkpoint.step) + " is used");
      }
      return checkpoint;
    } catch (const DamagedCheckpoint& error) {
      problems.push_back(error.problems().front());
      ++damaged;
    }
  }
  if (all.empty()) return std::nullopt;
  throw file_error(problems.front().file, problems.front().message + ", and no earlier checkpoint is intact",
                   "train again with another --out, or restore the folder from a backup");
}

bool Checkpointer::restore() {
  std::vector<std::string> warnings;
  const auto checkpoint = newest_intact(warnings);
  if (!checkpoint) {
    cut_log(run_.log_file(), 0);
    return false;
  }
  try {
    take_up(*checkpoint);
  } catch (const Json::exception&) {
    throw file_error((run_.checkpoints() / "last" / "state.json").string(),
                     "does not hold what this version of mlrun saves",
                     "resume with the version that wrote it (run.json names it), or train again");
  }
  for (const auto& text : warnings) log::warning(text);  // after the log was cut back
  relink();
  return true;
}

void Checkpointer::take_up(const Checkpoint& checkpoint) {
  load_model_tensors(task_.models(), checkpoint.weights, run_.checkpoints().string());
  trainer_.load(checkpoint.state, "trainer.");
  const Json& best = checkpoint.state.value("best");
  if (best.is_object()) {
    const Json& value = best.at("value");  // NaN is saved as null
    best_ = Best{recorded_figure(best.at("metric").get<std::string>(),
                                 value.is_null() ? std::nan("") : value.get<double>(), best),
                 best.at("step").get<std::int64_t>()};
  }
  if (trainer_.position().step != checkpoint.step) {
    throw file_error((run_.checkpoints() / "last" / "state.json").string(),
                     "is of step " + std::to_string(trainer_.position().step) + ", and its checkpoint of step " +
                         std::to_string(checkpoint.step),
                     "restore the folder from a backup, or train again with another --out");
  }
  cut_log(run_.log_file(), checkpoint.state.value("log_bytes").get<std::uintmax_t>());
  saved_ = trainer_.position();
}

void Checkpointer::relink() {
  const auto all = list_checkpoints(run_.checkpoints());
  replace_link(run_.checkpoints(), "last", all.back().filename().string());
  if (!best_) return;
  const auto of_best = [this](const auto& path) { return checkpoint_step(path) == best_->step; };
  const auto found = std::find_if(all.begin(), all.end(), of_best);
  if (found != all.end() && intact(*found)) {
    replace_link(run_.checkpoints(), "best", found->filename().string());
    return;
  }
  log::warning("the weights of step " + std::to_string(best_->step) +
               ", the best so far, are lost: `best` begins anew with step " + std::to_string(trainer_.position().step));
  best_.reset();
  link("best");
}

void Checkpointer::on_start(const TrainingPlan& plan, const Position&) {
  const config::Span& every = resolved_.recipe.train.checkpoint.every;
  plan_ = plan;
  every_ = every.unit == config::Span::Unit::Seconds
               ? 0
               : optim::span_steps(every, plan.horizon(), "train.checkpoint.every");
  saved_time_ = std::chrono::steady_clock::now();
}

bool Checkpointer::improve(const StretchReport& report) {
  if (!report.evaluation) return false;
  const auto figure = selecting_figure(select_, *report.evaluation);
  if (!figure && trainer_.averager().active()) return false;  // a figure of an average that is still to come
  MLRUN_ASSERT(figure, "the evaluation has no " + select_);
  // Of equal ones the latest has trained the longest: small validation sets tie often.
  const bool equal = best_ && figure->value == best_->figure.value;
  if (best_ && !equal && !report::is_better(figure->better, figure->value, best_->figure.value)) return false;
  best_ = Best{*figure, report.position.step};
  return true;
}

bool Checkpointer::of_minimum(std::int64_t step) const {
  const optim::PhasedRate& rate = trainer_.learning_rate();
  return rate.keeps_minima() && step > 0 && rate.minimum(step - 1);
}

void Checkpointer::prune() const {
  run_.require_own();
  prune_checkpoints(run_.checkpoints(), resolved_.recipe.train.checkpoint.keep,
                    [this](std::int64_t step) { return of_minimum(step); });
}

bool Checkpointer::due(const Position& position) const {
  if (of_minimum(position.step)) return true;
  const config::Span& every = resolved_.recipe.train.checkpoint.every;
  if (every.unit != config::Span::Unit::Seconds) return every_ > 0 && position.step % every_ == 0;
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - saved_time_;
  return since.count() >= every.value;
}

void Checkpointer::on_step(const StepReport& report) {
  // What is due at a stretch's end is saved with its evaluation.
  if (plan_.ends_stretch(report.position.step) || !due(report.position)) return;
  save(report.position);
  prune();
}

void Checkpointer::on_stretch(const StretchReport& report) {
  const bool improved = improve(report);
  if (!improved && !due(report.position) && report.position.step < plan_.steps()) return;
  save(report.position);
  if (improved || !best_) link("best");
  prune();
}

void Checkpointer::on_stop(const Position& position, bool) {
  if (!saved_ || position.step != saved_->step || position.reported != saved_->reported) save(position);
}

void Checkpointer::link(const char* name) const {
  run_.require_own();
  replace_link(run_.checkpoints(), name, list_checkpoints(run_.checkpoints()).back().filename().string());
}

weights::Metadata Checkpointer::metadata(const Position& position) const {
  weights::Metadata metadata = weights_metadata(task_, resolved_);
  metadata["step"] = std::to_string(position.step);
  if (of_minimum(position.step)) metadata["rate_minimum"] = "true";
  return metadata;
}

void Checkpointer::save(const Position& position) {
  Checkpoint checkpoint;
  checkpoint.step = position.step;
  checkpoint.weights = model_tensors(task_.models());
  checkpoint.metadata = metadata(position);
  if (position.reported == position.step) checkpoint.averaged = trainer_.averaged();
  trainer_.save(checkpoint.state, "trainer.");
  checkpoint.state.put("best", best_ ? to_json(*best_) : Json(nullptr));
  std::error_code no_log;
  const auto log_bytes = std::filesystem::file_size(run_.log_file(), no_log);
  checkpoint.state.put("log_bytes", no_log ? Json(0) : Json(log_bytes));
  check_finite(checkpoint);
  run_.require_own();
  const auto path = write_checkpoint(run_.checkpoints(), checkpoint);
  link("last");
  saved_ = position;
  saved_time_ = std::chrono::steady_clock::now();
  log::debug("saved " + path.string());
}

}  // namespace mlrun::engine
