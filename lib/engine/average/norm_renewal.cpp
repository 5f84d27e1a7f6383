#include "engine/average/norm_renewal.h"

#include <algorithm>
#include <numeric>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/random.h"
#include "base/torch_compat.h"
#include "data/loader.h"
#include "engine/read_batch.h"
#include "nn/layers.h"

namespace mlrun::engine {
namespace {

std::vector<nn::BatchNorm*> batch_norms(const Models& models) {
  std::vector<nn::BatchNorm*> norms;
  for (const auto& model : models) {
    for (nn::Layer* layer : model.second->all_layers()) {
      if (auto* norm = dynamic_cast<nn::BatchNorm*>(layer)) norms.push_back(norm);
    }
  }
  return norms;
}

/// Counts from zero with equal weights while it lives; leaves the models as it found them but for
/// the statistics.
class Counting {
 public:
  explicit Counting(const Models& models) : models_(models), norms_(batch_norms(models)) {
    for (const auto& model : models_) {
      training_.push_back(model.second->is_training());
      model.second->train();
    }
    for (nn::BatchNorm* norm : norms_) norm->begin_cumulative();
  }
  ~Counting() {
    for (nn::BatchNorm* norm : norms_) norm->end_cumulative();
    for (std::size_t i = 0; i < models_.size(); ++i) models_[i].second->train(training_[i]);
  }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

 private:
  const Models& models_;
  std::vector<nn::BatchNorm*> norms_;
  std::vector<bool> training_;
};

/// The samples of the pass: a seeded order, cut to what the recipe asks for.
std::vector<std::int64_t> chosen(const RenewalRequest& request, std::int64_t total) {
  auto order = permutation(total, KeyedRandom(request.seed, "batch-norm", 0, 0));
  if (request.norms.samples) order.resize(static_cast<std::size_t>(std::min(total, *request.norms.samples)));
  return order;
}

/// The batches of `order`: full ones, the last what is left. A sample that is left alone joins the batch before it, for
/// one value of a channel has no variance.
std::vector<std::vector<data::SampleKey>> batches_of(const std::vector<std::int64_t>& order, std::int64_t size,
                                                     std::uint64_t seed) {
  const std::size_t full = static_cast<std::size_t>(std::max<std::int64_t>(2, size)), total = order.size();
  std::vector<std::vector<data::SampleKey>> batches;
  for (std::size_t i = 0; i < total; ++i) {
    const bool left_alone = i > 0 && i + 1 == total;
    if (i % full == 0 && !left_alone) batches.emplace_back();
    batches.back().push_back({order[i], 0, seed});
  }
  return batches;
}

}  // namespace

bool has_batch_norm(const Models& models) { return !batch_norms(models).empty(); }

void renew_norms(Task& task, const Context& context, const RenewalRequest& request) {
  if (!has_batch_norm(task.models())) return;
  const auto source =
      request.norms.augmented ? task.source(data::Split::Train) : task.evaluation_source(data::Split::Train);
  if (!source || source->size() == 0) {
    throw UserError("the data set '" + task.data().name + "' has no train samples for batch norm's statistics",
                    "set data.root to the training data, or leave the statistics as they are");
  }
  const auto order = chosen(request, source->size());
  const auto batches = batches_of(order, request.batch_size, request.seed);
  const auto total = static_cast<std::int64_t>(order.size());
  data::Loader loader(0, static_cast<std::int64_t>(batches.size()),
                      [&](std::int64_t number) {
                        const auto& keys = batches[static_cast<std::size_t>(number)];
                        return collate_read(task, data::read_samples(*source, keys, request.on_error));
                      },
                      {context.workers, 2, context.device.is_cuda()});
  const torch::NoGradGuard no_gradients;
  const Counting counting(task.models());
  const auto look = [&](data::Batch& batch, std::uint64_t number) {
    compat::manual_seed(KeyedRandom(request.seed, "batch-norm-batch", number, 0).bits64());
    batch.inputs = place(batch.inputs, context);
    task.look(batch);
  };
  std::int64_t done = 0, looked = 0;
  std::optional<data::Batch> alone;  // what is left of a batch, the others being unreadable
  for (std::uint64_t number = 0; auto batch = loader.next(); ++number) {
    done += batch->size() + static_cast<std::int64_t>(batch->skipped.size());
    if (batch->size() == 1) alone = std::move(*batch);
    if (batch->size() == 0) continue;
    look(*batch, number);
    ++looked;
    if (request.progress) request.progress(done, total);
  }
  if (looked == 0 && alone) look(*alone, 0);
}

}  // namespace mlrun::engine
