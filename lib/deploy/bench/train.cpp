#include <memory>
#include <optional>

#include "base/error.h"
#include "base/resident.h"
#include "base/threads.h"
#include "base/torch_compat.h"
#include "deploy/bench/bench.h"
#include "deploy/instruction_sets.h"
#include "engine/block_cache.h"
#include "engine/compute_threads.h"
#include "engine/run/model_state.h"
#include "engine/train/feed.h"
#include "engine/train/freeze.h"
#include "engine/train/hands.h"
#include "engine/train/memory_format.h"
#include "engine/train/model_rates.h"
#include "nn/profile.h"
#include "optim/groups.h"

namespace mlrun::deploy {
namespace {

/// A training step computes as much again for the gradients of the inputs, and for those of the weights.
constexpr double kPassesOfStep = 3;

/// The recipe's first batch that has samples.
data::Batch training_batch(engine::Task& task, const config::Recipe& recipe) {
  const engine::Epochs epochs(task, recipe, engine::training_source(task));
  engine::EpochFeed feed(task, epochs, recipe, 0, 0, 0);
  while (auto micro = feed.next()) {
    if (micro->batch.size() > 0) return std::move(micro->batch);
  }
  throw UserError("no train samples of '" + task.data().name + "' can be read");
}

/// A training that does its first step again and again. The learning rate is 0, so that all the work is done and no
/// number runs away.
class RepeatedStep {
 public:
  RepeatedStep(engine::Task& task, const config::Recipe& recipe, const engine::Context& context)
      : task_(task),
        context_(context),
        frozen_(task.models(), recipe.model.freeze),
        compute_(task.models(), recipe.train, context) {
    const optim::ParameterGroups groups(task.models(), recipe.optimizer);
    engine::draw_weights(task.models(), static_cast<std::uint64_t>(recipe.train.seed));
    for (const auto& model : task.models()) engine::place(*model.second, context);
    optimizers_ = engine::make_optimizers(task.models(), recipe, groups);
    hands_ = std::make_unique<engine::Hands>(task.models(), optimizers_, optim::Clipping::of(recipe.train));
    hands_->compute_with(compute_);
    batch_ = training_batch(task, recipe);
    batch_.inputs = engine::place(batch_.inputs, context);
    batch_.targets = batch_.targets.to(context.device);
    frozen_.train(task.models());
  }

  void run() {
    const std::vector<std::string> phases = task_.phases();
    for (std::size_t i = 0; i < phases.size(); ++i) {
      hands_->enter(i, phases[i]);
      hands_->begin(0, batch_.size(), batch_.size(), 0, true);
      task_.train(*hands_, batch_);
      hands_->end_phase();
    }
    compat::synchronize(context_.device);
  }
  const data::Batch& batch() const { return batch_; }

 private:
  engine::Task& task_;
  engine::Context context_;
  engine::FrozenStages frozen_;
  engine::Compute compute_;
  engine::Optimizers optimizers_;
  std::unique_ptr<engine::Hands> hands_;
  data::Batch batch_;
};

/// The shape of the images in a batch, [N, C, H, W]; empty where there are none.
std::vector<std::int64_t> image_shape(const data::Batch& batch) {
  for (const auto& field : batch.inputs) {
    const auto* tensor = std::get_if<torch::Tensor>(&field.second);
    if (tensor != nullptr && tensor->dim() == 4) return tensor->sizes().vec();
  }
  return {};
}

void describe(BenchRow& row, const engine::Task& task, const config::Recipe& recipe, const data::Batch& batch) {
  row.model = recipe.model.architecture.name;
  row.batch = batch.size();
  for (const auto& model : task.models()) row.params += nn::parameter_count(*model.second);
  const auto shape = image_shape(batch);
  if (shape.empty()) return;
  row.height = shape[2];
  row.width = shape[3];
  nn::Layer& model = *task.models().front().second;
  if (task.models().size() > 1 || nn::tensor_count(model.interface().inputs) > 1) return;
  row.macs = count_macs(model, row.model, shape[1], row.height, row.width);
}

BenchRow training_row(const engine::TaskFactory& tasks, config::Resolved resolved, const BenchRequest& request,
                      const std::string& precision, std::int64_t count) {
  config::TrainSection& train = resolved.recipe.train;
  train.device = request.device;
  train.amp = precision == "bf16" ? "bf16" : "none";
  train.accumulate = 1;
  train.threads = count;
  train.memory_format = request.memory_format;
  engine::Context context = engine::make_context(train);
  const engine::ComputeThreads threads(count);
  const auto task = tasks.make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, std::nullopt});
  BenchRow row;
  row.ceiling = matrix_ceiling(context.device, count, request.latency.seconds);
  engine::choose_memory_format(*task, resolved.recipe, context, Json());
  RepeatedStep step(*task, resolved.recipe, context);
  describe(row, *task, resolved.recipe, step.batch());
  engine::release_kept_tensors();
  restart_peak_resident();
  row.latency = engine::measure_latency([&step] { step.run(); }, request.latency);
  row.rss_mb = static_cast<double>(peak_resident()) / kMebibyte;
  row.mode = "train";
  row.device = engine::device_text(context.device);
  if (context.device.is_cpu()) row.isa = instruction_sets().text();
  row.precision = precision;
  row.engine = "eager";
  row.memory_format = engine::memory_format_name(context);
  row.threads = count;
  const double seconds = row.latency.p50 / 1000;
  row.images_per_s = static_cast<double>(row.batch) / seconds;
  row.gflops = kPassesOfStep * 2 * static_cast<double>(row.macs * row.batch) / seconds / 1e9;
  return row;
}

}  // namespace

std::vector<BenchRow> bench_training(const engine::TaskFactory& tasks, const RecipeOf& recipe_of,
                                     const BenchRequest& request, const TellRow& tell) {
  const std::vector<std::int64_t> batches = request.batches.empty() ? std::vector<std::int64_t>{0} : request.batches;
  const std::vector<std::int64_t> threads =
      request.threads.empty() ? std::vector<std::int64_t>{default_compute_threads()} : request.threads;
  std::vector<BenchRow> rows;
  for (const auto& precision : request.precisions) {
    for (const auto batch : batches) {
      for (const auto count : threads) {
        const config::Resolved recipe = recipe_of(batch);
        tell(recipe.recipe.model.architecture.name + ", training at batch " +
             std::to_string(recipe.recipe.train.batch_size) + ", " + std::to_string(count) + " thread(s), " +
             precision);
        rows.push_back(training_row(tasks, recipe, request, precision, count));
      }
    }
  }
  return rows;
}

}  // namespace mlrun::deploy
