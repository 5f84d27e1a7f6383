#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "config/recipe.h"
#include "data/read_samples.h"
#include "engine/context.h"
#include "engine/task.h"

namespace mlrun::engine {

/// The figures of one split.
struct Evaluation {
  data::Split split = data::Split::Test;
  std::int64_t total = 0;              ///< samples of the split
  std::int64_t evaluated = 0;          ///< samples that the figures are true of
  std::vector<data::Skipped> skipped;  ///< the others, in split order
  std::vector<std::string> spoilt;  ///< evaluated samples with outputs that are not finite, of which no figure is true
  metrics::Figures figures;
  Json details = Json::object();          ///< what each metric has beside its figures
  std::vector<report::Exhibit> exhibits;  ///< the same to be looked at
  double seconds = 0;

  /// The figure `name`; null where there is none.
  const report::Figure* find(const std::string& name) const { return report::find(figures, name); }
};

struct EvaluateOptions {
  std::int64_t batch_size = 128;
  data::OnError on_error = data::OnError::Fail;
  /// Told of every batch and its prediction, in split order.
  std::function<void(const data::Batch&, const data::Fields&)> observe;
  std::function<void(std::int64_t done, std::int64_t total)> progress;
  bool warn_of_spoilt = true;  ///< false: whoever evaluates tells of outputs that are not finite
};

/// The samples of `batch` whose outputs say nothing: a NaN or plus infinity is among them. Minus infinity is what the
/// logarithm of a probability of 0 is.
std::vector<std::string> spoilt_samples(const data::Batch& batch, const data::Fields& prediction);

/// What is wrong with an evaluation that has `spoilt` samples, in one line.
std::string spoilt_text(const Evaluation& evaluation);

/// Puts the figures and details of metrics that were fed into `evaluation`.
void take_figures(const std::vector<std::unique_ptr<metrics::Metric>>& metrics, Evaluation& evaluation);

/// Batches of one micro-batch's size, and what `data.on_error` says.
EvaluateOptions evaluate_options(const config::Recipe& recipe);

/// Evaluates the task's current weights on a split. Every sample is seen exactly once or listed as
/// skipped, which is asserted. UserError where the data set has no such split, and where no sample of
/// it can be read.
Evaluation evaluate(Task& task, data::Split split, const Context& context, const EvaluateOptions& options);

}  // namespace mlrun::engine
