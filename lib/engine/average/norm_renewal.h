#pragma once

#include <cstdint>
#include <functional>

#include "data/read_samples.h"
#include "engine/context.h"
#include "engine/task.h"
#include "optim/averaging_methods.h"

namespace mlrun::engine {

/// True where a model has batch norms, whose statistics belong to one set of weights.
bool has_batch_norm(const Models& models);

struct RenewalRequest {
  optim::NormRenewal norms;
  std::int64_t batch_size = 128;
  std::uint64_t seed = 0;
  data::OnError on_error = data::OnError::Fail;
  /// Told of every batch; may throw to leave, which leaves the statistics undefined.
  std::function<void(std::int64_t done, std::int64_t total)> progress;
};

/// Makes the statistics of every batch norm anew for the models' current weights by one pass over
/// the training samples, as torch.optim.swa_utils.update_bn: from zero, each batch counting the
/// same, dropout and the like as in training. Samples come in an order drawn from the seed, and never alone: one that
/// would be left over joins the last batch. Modes and parameters are left as they were. Nothing is done where there
/// are no batch norms.
void renew_norms(Task& task, const Context& context, const RenewalRequest& request);

}  // namespace mlrun::engine
