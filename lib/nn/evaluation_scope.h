#pragma once

#include <utility>
#include <vector>

#include "nn/layer.h"

namespace mlrun::nn {

/// Evaluation mode for as long as it lives; every layer gets its own mode back.
class EvaluationScope {
 public:
  explicit EvaluationScope(Layer& root) {
    for (Layer* layer : root.all_layers()) before_.emplace_back(layer, layer->is_training());
    root.eval();
  }
  // Parents come first: `train` sets a whole subtree, the children's own mode follows.
  ~EvaluationScope() {
    for (const auto& [layer, training] : before_) layer->train(training);
  }
  EvaluationScope(const EvaluationScope&) = delete;
  EvaluationScope& operator=(const EvaluationScope&) = delete;

 private:
  std::vector<std::pair<Layer*, bool>> before_;
};

}  // namespace mlrun::nn
