#include "engine/average/norm_renewal.h"

#include <algorithm>
#include <numeric>

#include <torch/torch.h>

#include "base/error.h"
#include "base/random.h"
#include "base/torch_compat.h"
#include "data/loader.h"
#include "engine/train/feed.h"
#include "nn/layers.h"

namespace mlrun::engine {
namespace {

std::vector<nn::BatchNorm2d*> batch_norms(const Models& models) {
  std::vector<nn::BatchNorm2d*> norms;
  for (const auto& model : models) {
    for (nn::Layer* layer : model.second->all_layers()) {
      if (auto* norm = dynamic_cast<nn::BatchNorm2d*>(layer)) norms.push_back(norm);
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
    for (nn::BatchNorm2d* norm : norms_) norm->begin_cumulative();
  }
  ~Counting() {
    for (nn::BatchNorm2d* norm : norms_) norm->end_cumulative();
    for (std::size_t i = 0; i < models_.size(); ++i) models_[i].second->train(training_[i]);
  }
  Counting(const Counting&) = delete;
  Counting& operator=(const Counting&) = delete;

 private:
  const Models& models_;
  std::vector<nn::BatchNorm2d*> norms_;
  std::vector<bool> training_;
};

/// The samples of the pass: a seeded order, cut to what the recipe asks for.
std::vector<std::int64_t> chosen(const RenewalRequest& request, std::int64_t total) {
  auto order = permutation(total, KeyedRandom(request.seed, "batch-norm", 0, 0));
  if (request.norms.samples) order.resize(static_cast<std::size_t>(std::min(total, *request.norms.samples)));
  return order;
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
  const auto total = static_cast<std::int64_t>(order.size());
  const std::int64_t size = request.batch_size;
  data::Loader loader(0, (total + size - 1) / size,
                      [&](std::int64_t number) {
                        std::vector<data::SampleKey> keys;
                        for (std::int64_t i = number * size; i < std::min(total, (number + 1) * size); ++i) {
                          keys.push_back({order[static_cast<std::size_t>(i)], 0, request.seed});
                        }
                        return collate_read(task, data::read_samples(*source, keys, request.on_error));
                      },
                      {context.workers, 2, context.device.is_cuda()});
  const torch::NoGradGuard no_gradients;
  const Counting counting(task.models());
  std::int64_t done = 0;
  for (std::uint64_t number = 0; auto batch = loader.next(); ++number) {
    done += batch->size() + static_cast<std::int64_t>(batch->skipped.size());
    if (batch->size() == 0) continue;
    compat::manual_seed(KeyedRandom(request.seed, "batch-norm-batch", number, 0).bits64());
    batch->inputs = place(batch->inputs, context);
    task.look(*batch);
    if (request.progress) request.progress(done, total);
  }
}

}  // namespace mlrun::engine
