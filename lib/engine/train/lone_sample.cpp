#include "engine/train/lone_sample.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "data/read_samples.h"
#include "engine/read_batch.h"
#include "nn/batch_variance.h"
#include "nn/layers.h"

namespace mlrun::engine {
namespace {

/// Lets inputs pass by the batch norms, which keep their statistics so, and notes the first that could not train on
/// one.
class NormWatch : public nn::Interceptor {
 public:
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override {
    if (dynamic_cast<nn::BatchNorm*>(&layer) == nullptr) return proceed(inputs);
    if (layer.is_training() && !nn::has_variance(inputs.front()) && found_.empty()) found_ = layer.path();
    return inputs;
  }
  /// Empty where there is none.
  const std::string& found() const { return found_; }

 private:
  std::string found_;
};

/// A batch of the first sample that can be read; without samples where none of a few can.
data::Batch one_sample(const PreparedTraining& training) {
  constexpr std::int64_t kTries = 8;
  const auto on_error = data::on_error_of(training.recipe.data.on_error);
  const auto seed = static_cast<std::uint64_t>(training.recipe.train.seed);
  for (std::int64_t i = 0; i < std::min(kTries, training.epochs.source().size()); ++i) {
    data::Batch batch =
        collate_read(training.task, data::read_samples(training.epochs.source(), {{i, 0, seed}}, on_error));
    if (batch.size() > 0) return batch;
  }
  return {};
}

/// The first batch norm without a variance in a batch of one sample; empty where there is none.
std::string norm_without_variance(const PreparedTraining& training) {
  data::Batch batch = one_sample(training);
  if (batch.size() == 0) return "";
  const torch::NoGradGuard no_gradients;
  NormWatch watch;
  std::vector<std::unique_ptr<nn::InterceptorScope>> doors;
  for (const auto& model : training.task.models()) {
    doors.push_back(std::make_unique<nn::InterceptorScope>(*model.second, watch));
  }
  training.frozen.train(training.task.models());
  batch.inputs = place(batch.inputs, training.context);
  training.task.look(batch);
  return watch.found();
}

std::int64_t micro_batch(const config::TrainSection& train) { return train.batch_size / train.accumulate; }

}  // namespace

bool leaves_lone_sample(const config::TrainSection& train, const data::Steps& steps) {
  const std::int64_t micro = micro_batch(train);
  if (micro == 1) return true;
  for (std::size_t step = 0; step < steps.ends.size(); ++step) {
    if ((steps.ends[step] - steps.begin(step)) % micro == 1) return true;
  }
  return false;
}

void check_lone_samples(const PreparedTraining& training) {
  const data::Steps steps = training.epochs.steps(0);
  if (!leaves_lone_sample(training.recipe.train, steps)) return;
  const std::string norm = norm_without_variance(training);
  if (norm.empty()) return;
  const std::string why = "the batch norm " + norm + " sees one value of each channel of it, which has no variance";
  if (micro_batch(training.recipe.train) == 1) {
    throw UserError(Problem{"", 0, 0, "train.batch_size", "takes one sample at a time, and " + why,
                            "raise it, or lower train.accumulate"});
  }
  throw UserError(
      Problem{"", 0, 0, "train.batch_size",
              "leaves one of " + std::to_string(steps.samples.size()) + " samples for a batch of its own, and " + why,
              "set data.drop_last: true, or take another batch size or data.batching"});
}

}  // namespace mlrun::engine
