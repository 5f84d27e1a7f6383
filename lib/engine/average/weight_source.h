#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "config/bind.h"
#include "engine/context.h"
#include "engine/run/weight_choice.h"
#include "engine/task.h"

namespace mlrun::engine {

/// One set of weights for a task, or several: draws from a distribution over weights.
class WeightSource {
 public:
  virtual ~WeightSource() = default;
  virtual std::int64_t draws() const = 0;
  /// As results show draw `draw`, 0 <= draw < draws().
  virtual std::string name(std::int64_t draw) const = 0;
  /// The data that the weights were trained on, where they tell.
  virtual std::optional<data::DataInfo> known() const = 0;
  /// Puts the weights of a draw into the task's models. What is random depends on (key, draw) alone.
  virtual void apply(Task& task, const Context& context, std::int64_t draw, std::uint64_t key) const = 0;
};

/// The one set of a file; a checkpoint is verified here and now. What mlrun wrote is loaded whole,
/// all else as `model.weights` is.
std::unique_ptr<WeightSource> file_weights(const config::Resolved& resolved, const WeightChoice& weights);

/// Draws from the posterior that training with `averaging: swag` has estimated (Maddox et al.,
/// NeurIPS 2019).
struct PosteriorRequest {
  std::filesystem::path checkpoint;  ///< its folder
  std::int64_t samples = 30;
  double scale = 0.5;      ///< of the covariance; the paper's posterior has 0.5, 0 is the mean
  std::int64_t first = 0;  ///< number of the first draw: sources with the same key then differ
};

/// Batch norm's statistics are made anew for every draw, as the recipe's `averaging` says. UserError
/// where the checkpoint has no such posterior.
std::unique_ptr<WeightSource> posterior_weights(const config::Resolved& resolved, const PosteriorRequest& request);

}  // namespace mlrun::engine
