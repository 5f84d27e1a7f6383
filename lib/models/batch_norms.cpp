#include "models/batch_norms.h"

#include "base/error.h"
#include "nn/norm.h"

namespace mlrun::models {

void set_batch_norms(const config::BatchNormSection& section, const std::vector<nn::Layer*>& networks) {
  if (!section.momentum && !section.eps) return;
  bool any = false;
  for (nn::Layer* network : networks) {
    for (nn::Layer* layer : network->all_layers()) {
      auto* norm = dynamic_cast<nn::BatchNorm*>(layer);
      if (norm == nullptr) continue;
      const nn::BatchNormOptions& own = norm->options();
      norm->set_options({section.eps.value_or(own.eps), section.momentum.value_or(own.momentum)});
      any = true;
    }
  }
  if (any) return;
  const char* key = section.momentum ? "model.batch_norm.momentum" : "model.batch_norm.eps";
  throw UserError(Problem{"", 0, 0, key, "is set, and the model has no batch norm", "leave it out"});
}

}  // namespace mlrun::models
