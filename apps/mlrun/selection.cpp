#include "apps/mlrun/selection.h"

#include <CLI/CLI.hpp>

#include "base/error.h"

namespace mlrun::apps {

void SelectionArguments::declare(CLI::App& app) {
  app.add_option("--last", last, "of a run: the newest K checkpoints")->type_name("K")->check(CLI::PositiveNumber);
  app.add_option("--best", best, "of a run: the best K by its selecting metric")
      ->type_name("K")
      ->check(CLI::PositiveNumber);
  app.add_option("--from-epoch", from_epoch, "of a run: those after E epochs or more")
      ->type_name("E")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--minima", minima, "of a run with schedule: cyclical: those kept where the rate was lowest");
}

engine::Selection SelectionArguments::selection() const {
  engine::Selection selection;
  if (last > 0) selection.last = last;
  if (best > 0) selection.best = best;
  if (from_epoch >= 0) selection.from_epoch = from_epoch;
  selection.minima = minima;
  const int chosen = static_cast<int>(selection.last.has_value()) + static_cast<int>(selection.best.has_value()) +
                     static_cast<int>(selection.from_epoch.has_value()) + static_cast<int>(minima);
  if (chosen > 1) throw UserError("--last, --best, --from-epoch and --minima exclude each other", "choose one");
  return selection;
}

}  // namespace mlrun::apps
