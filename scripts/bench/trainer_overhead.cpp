// The Trainer's own time per optimizer step: a training of ready tensors with a model of a few
// microseconds against a bare loop that does the same forward, backward and update.

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <torch/torch.h>

#include "base/error.h"
#include "engine/train/trainer.h"
#include "nn/layers.h"

using namespace mlrun;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kFeatures = 8;
constexpr std::int64_t kBatch = 4;
constexpr std::int64_t kSteps = 4000;
constexpr std::int64_t kRounds = 5;

/// Batches that lie ready: each of them counts as one sample.
class ReadySource : public data::Source {
 public:
  ReadySource() : input_(torch::randn({kBatch, kFeatures})), target_(torch::randn({kBatch, 1})) {}
  std::int64_t size() const override { return kSteps; }
  data::Sample get(const data::SampleKey& key) const override {
    data::Sample sample;
    sample.id = "ready";
    sample.index = key.index;
    sample.inputs.set("x", input_);
    sample.targets.set("y", target_);
    return sample;
  }

 private:
  torch::Tensor input_, target_;
};

/// Least squares with one linear layer.
class TinyTask : public engine::Task {
 public:
  TinyTask() {
    auto model = std::make_shared<nn::Linear>(kFeatures, 1);
    nn::name_layers(*model);
    models_.emplace_back("model", std::move(model));
  }

  const data::DataInfo& data() const override { return info_; }
  const engine::Models& models() const override { return models_; }
  std::shared_ptr<const data::Source> source(data::Split split) override {
    if (split != data::Split::Train) return nullptr;
    return std::make_shared<ReadySource>();
  }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override { return source(split); }
  data::Batch collate(std::vector<data::Sample> samples) const override {
    data::Sample& only = samples.front();
    return {{std::move(only.id)}, {only.index}, std::move(only.inputs), std::move(only.targets), {}};
  }
  void train(engine::Step& step, const data::Batch& batch) override {
    const torch::Tensor output = step.run("model", {{"input", batch.inputs.tensor("x")}}).tensor("output");
    const torch::Tensor loss = torch::mse_loss(output, batch.targets.tensor("y"));
    const auto samples = static_cast<double>(batch.size());
    step.log({"loss", loss.item<double>()}, samples);
    step.minimise("model", loss, samples);
  }
  data::Fields predict(const data::Batch& batch) override {
    data::Fields prediction;
    prediction.set("y", (*models_.front().second)(batch.inputs.tensor("x")));
    return prediction;
  }
  std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split) const override { return {}; }
  std::string headline() const override { return "loss"; }
  data::Sample read(const std::filesystem::path&) const override { return {}; }
  engine::Answer answer(const data::Batch&, const data::Fields&, std::int64_t,
                        const engine::AnswerOptions&) const override {
    return {nullptr, report::Table({}), report::Table({})};
  }
  Json preprocessing() const override { return Json::object(); }

 private:
  data::DataInfo info_{"ready", "", {}, 1};
  engine::Models models_;
};

config::Recipe tiny_recipe() {
  config::Recipe recipe;
  recipe.train.epochs = kRounds;
  recipe.train.batch_size = 1;
  recipe.optimizer.method = optim::optimizers().defaults("sgd");
  recipe.schedule.curve = optim::schedules().defaults("constant");
  return recipe;
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

/// The time from each call of `tick` to the next, in microseconds.
class Intervals {
 public:
  void tick() {
    const auto now = Clock::now();
    if (started_) values_.push_back(std::chrono::duration<double, std::micro>(now - before_).count());
    before_ = now;
    started_ = true;
  }
  void pause() { started_ = false; }
  double median_after_warm_up() const { return median({values_.begin() + kSteps, values_.end()}); }

 private:
  std::vector<double> values_;
  Clock::time_point before_;
  bool started_ = false;
};

class StepClock : public engine::Hook {
 public:
  void on_step(const engine::StepReport&) override { intervals.tick(); }
  void on_stretch(const engine::StretchReport&) override { intervals.pause(); }
  Intervals intervals;
};

double trainer_step(std::int64_t workers) {
  TinyTask task;
  const config::Recipe recipe = tiny_recipe();
  engine::Context context;
  context.workers = workers;
  engine::Trainer trainer(task, recipe, context);
  StepClock clock;
  trainer.run({&clock});
  return clock.intervals.median_after_warm_up();
}

double bare_step() {
  TinyTask task;
  nn::Layer& model = *task.models().front().second;
  nn::initialise(model, 0);
  optim::NamedTensors parameters;
  for (const auto& item : model.named_parameters()) parameters.emplace_back(item.key(), item.value());
  const config::Recipe recipe = tiny_recipe();
  const auto optimizer = optim::optimizers().make(recipe.optimizer.method, std::move(parameters));
  const data::Sample sample = ReadySource().get({0, 0, 0});
  Intervals intervals;
  for (std::int64_t i = 0; i <= kRounds * kSteps; ++i) {
    intervals.tick();
    const torch::Tensor loss = torch::mse_loss(model(sample.inputs.tensor("x")), sample.targets.tensor("y"));
    loss.backward();
    optimizer->step(optimizer->base_lr());
    optimizer->zero_grad();
  }
  return intervals.median_after_warm_up();
}

int measure(double limit) {
  at::set_num_threads(1);
  const double bare = bare_step();
  std::printf("bare loop             %7.2f us a step\n", bare);
  double worst = 0;
  for (const std::int64_t workers : {0, 1, 2}) {
    const double step = trainer_step(workers);
    worst = std::max(worst, step - bare);
    std::printf("trainer, %d worker(s)  %7.2f us a step, overhead %.2f us\n", static_cast<int>(workers), step,
                step - bare);
  }
  std::printf("%s: largest overhead %.2f us, limit %.0f us\n", worst < limit ? "met" : "not met", worst, limit);
  return worst < limit ? 0 : 3;
}

}  // namespace

/// Medians over 16,000 steps after 4,000 of warm-up. Exit code 3 when the overhead is not below the
/// limit (microseconds; the first argument, else 50).
int main(int count, char** arguments) {
  try {
    return measure(count > 1 ? std::atof(arguments[1]) : 50);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
