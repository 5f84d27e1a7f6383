#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/bind.h"
#include "engine/average/files.h"
#include "engine/task.h"

namespace mlrun::engine {

struct AverageRequest {
  std::vector<AverageInput> inputs;
  std::optional<double> ema_decay;  ///< nothing: the weighted mean
  bool update_bn = true;            ///< batch norm's statistics anew, where the model has any
  std::optional<std::int64_t> bn_samples;
  bool evaluate = false;
  std::filesystem::path out;
  std::optional<config::Resolved> resolved;  ///< the recipe; without it there is no data
};

/// The figures of one set of weights.
struct Scored {
  std::string name;  ///< an input's file, `average`, `average, batch norm updated`
  metrics::Figures figures;
};

struct AverageOutcome {
  bool norms_renewed = false;
  std::string split;           ///< of the scores
  std::vector<Scored> scores;  ///< with `evaluate`
  weights::Metadata metadata;  ///< of the written file
  std::size_t tensors = 0;
};

/// Averages weights and writes them as safetensors to `out`, which must not exist yet. UserError
/// where batch norm's statistics or scores are asked for and there is no recipe or no data.
AverageOutcome average_to_file(const TaskFactory& tasks, const AverageRequest& request);

}  // namespace mlrun::engine
