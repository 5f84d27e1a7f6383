#pragma once

#include <string>
#include <vector>

#include "engine/sweep/plan.h"

namespace CLI {
class App;
}

namespace mlrun::apps {

/// `RECIPE key=v1,v2 key=a..b --set key=value`: a recipe, what is swept, and what is fixed.
class SweepWords {
 public:
  /// Adds the operands, `-c` and `--set` to `app`.
  explicit SweepWords(CLI::App& app);

  /// UserError with all that is wrong with the words.
  engine::SweepRequest request() const;

 private:
  std::string recipe() const;

  std::vector<std::string> words_, sets_, recipes_;
};

}  // namespace mlrun::apps
