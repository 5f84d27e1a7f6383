#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "config/recipe.h"
#include "engine/context.h"
#include "engine/task.h"
#include "optim/averaging_methods.h"
#include "weights/safetensors.h"

namespace mlrun::engine {

/// Where the state of a checkpoint has what `Averager::save` put there.
constexpr const char* kSavedAverage = "trainer.averaging.";

/// UserError at averaging.start where the training is over before weights are taken in, as far as lengths in epochs and
/// per cent tell: the steps of `horizon` may be assumed.
void check_averaging(const optim::AveragingPlan& plan, const optim::Horizon& horizon);

/// Takes a training's weights into an average as the recipe's `averaging` says.
class Averager : public data::Stateful {
 public:
  Averager(Task& task, const config::Recipe& recipe, const Context& context, const optim::Horizon& horizon);

  /// False for `averaging: none`.
  bool active() const { return plan_.average != nullptr; }
  /// True once weights were taken in.
  bool ready() const { return active() && plan_.average->count() > 0; }
  const std::string& prefix() const { return plan_.prefix; }
  const std::optional<optim::AveragingRate>& rate() const { return plan_.rate; }
  /// Step from which on weights are taken in.
  std::int64_t start_step() const { return start_; }

  /// To be called when `step` optimizer steps are done.
  void on_step(std::int64_t step);

  /// Puts the average into the models, batch norm's statistics made anew where the recipe wants it.
  /// `progress` is told of the pass over the data and may throw to leave.
  void put_in(const std::function<void(std::int64_t done, std::int64_t total)>& progress);

  /// `<prefix>...` of the average; nothing where there is none.
  void save(data::State& state, const std::string& prefix) const override;
  void load(const data::State& state, const std::string& prefix) override;

 private:
  Task& task_;
  const config::Recipe& recipe_;
  Context context_;
  optim::AveragingPlan plan_;
  std::int64_t start_ = 0, every_ = 1;  // steps
  std::set<std::int64_t> minima_;       // steps done where weights are taken in, instead
};

/// Keeps a copy of the models' weights and puts it back when it goes.
class WeightsKept {
 public:
  explicit WeightsKept(const Models& models);
  ~WeightsKept();
  WeightsKept(const WeightsKept&) = delete;
  WeightsKept& operator=(const WeightsKept&) = delete;

 private:
  const Models& models_;
  weights::NamedTensors kept_;
};

}  // namespace mlrun::engine
