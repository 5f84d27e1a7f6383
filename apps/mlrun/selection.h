#pragma once

#include <cstdint>
#include <string>

#include "engine/average/files.h"

namespace CLI {
class App;
}  // namespace CLI

namespace mlrun::apps {

/// The options that choose among a run's checkpoints: --last, --best, --from-epoch, --minima.
struct SelectionArguments {
  std::int64_t last = 0, best = 0, from_epoch = -1;
  bool minima = false;

  void declare(CLI::App& app);
  /// UserError where more than one is given.
  engine::Selection selection() const;
};

}  // namespace mlrun::apps
