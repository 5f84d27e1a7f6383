#pragma once

#include <string>
#include <vector>

#include "engine/task.h"

namespace mlrun::engine {

/// The stages that `model.freeze` keeps as they are. Frozen parameters need no gradient and so get
/// no update and no weight decay; batch norms whose parameters are all frozen run in evaluation
/// mode, so that their statistics stay too.
class FrozenStages {
 public:
  FrozenStages() = default;

  /// Freezes the parameters of `models` whose state-dict names (with several models prefixed by the
  /// model's, as in checkpoints) match a pattern of weights/patterns.h. UserError at `model.freeze`
  /// for one that matches nothing, with the nearest names, and where nothing is left to train.
  FrozenStages(const Models& models, const std::vector<std::string>& patterns);

  /// Puts the models into training mode, but for frozen batch norms.
  void train(const Models& models) const;

  /// Elements of frozen parameters.
  std::int64_t parameters() const { return parameters_; }

 private:
  std::vector<std::shared_ptr<nn::Layer>> owners_;  ///< keep the norms alive
  std::vector<nn::Layer*> norms_;
  std::int64_t parameters_ = 0;
};

}  // namespace mlrun::engine
