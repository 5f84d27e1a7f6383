#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/log.h"
#include "base/signals.h"
#include "config/bind.h"
#include "engine/train/session.h"
#include "recipes/registry.h"
#include "support.h"

/// Small real trainings for tests.
namespace mlrun::test {

/// `text` as a recipe file, with overrides as on the command line.
inline config::Resolved resolve_text(const std::string& text, const std::vector<std::string>& overrides = {},
                                     const config::Catalogue& catalogue = recipes::catalogue()) {
  const TempDir folder;
  config::LayerRequest request{folder.write("tiny.yaml", text), {}};
  for (const auto& override : overrides) request.overrides.push_back(config::parse_override(override));
  return config::resolve(request, catalogue);
}

/// A task that does what `inner` does: where tests look on or step in.
class WrappedTask : public engine::Task {
 public:
  explicit WrappedTask(std::unique_ptr<engine::Task> inner) : inner_(std::move(inner)) {}

  const data::DataInfo& data() const override { return inner_->data(); }
  const engine::Models& models() const override { return inner_->models(); }
  std::shared_ptr<const data::Source> source(data::Split split) override { return inner_->source(split); }
  std::shared_ptr<const data::Source> evaluation_source(data::Split split) override {
    return inner_->evaluation_source(split);
  }
  data::Batch collate(std::vector<data::Sample> samples) const override { return inner_->collate(std::move(samples)); }
  void train(engine::Step& step, const data::Batch& batch) override { inner_->train(step, batch); }
  data::Fields predict(const data::Batch& batch) override { return inner_->predict(batch); }
  std::vector<std::unique_ptr<metrics::Metric>> metrics(data::Split split) const override {
    return inner_->metrics(split);
  }
  std::string headline() const override { return inner_->headline(); }
  std::string unit() const override { return inner_->unit(); }
  data::Sample read(const std::filesystem::path& file) const override { return inner_->read(file); }
  engine::Answer answer(const data::Batch& batch, const data::Fields& prediction, std::int64_t row,
                        const engine::AnswerOptions& options) const override {
    return inner_->answer(batch, prediction, row, options);
  }
  std::vector<std::string> answer_options() const override { return inner_->answer_options(); }
  Json preprocessing() const override { return inner_->preprocessing(); }

 protected:
  engine::Task& inner() { return *inner_; }

 private:
  std::unique_ptr<engine::Task> inner_;
};

/// Classification that tells `on_train` of every micro-batch before it is trained on, `on_predict` of every batch
/// before it is evaluated: where tests stop, crash or watch.
class WatchedTask : public WrappedTask {
 public:
  using OnTrain = std::function<void(engine::Task&, const data::Batch&)>;
  using OnPredict = std::function<void()>;

  WatchedTask(const engine::TaskRequest& request, OnTrain on_train, OnPredict on_predict)
      : WrappedTask(recipes::tasks().make(classification(), request)),
        on_train_(std::move(on_train)),
        on_predict_(std::move(on_predict)) {}

  void train(engine::Step& step, const data::Batch& batch) override {
    if (on_train_) on_train_(*this, batch);
    WrappedTask::train(step, batch);
  }
  data::Fields predict(const data::Batch& batch) override {
    if (on_predict_) on_predict_();
    return WrappedTask::predict(batch);
  }

 private:
  static config::Component classification() {
    return resolve_text("{task: classification, model: small_cnn, data: {format: synthetic}}").recipe.task.kind;
  }

  OnTrain on_train_;
  OnPredict on_predict_;
};

/// The list of tasks with `watched` alone in it.
inline engine::TaskFactory watched_tasks(const WatchedTask::OnTrain& on_train = {},
                                         const WatchedTask::OnPredict& on_predict = {}) {
  engine::TaskFactory tasks("task");
  tasks.add<config::NoOptions>("watched", "classification that tests look into",
                               [=](const config::NoOptions&, const engine::TaskRequest& request) {
                                 return std::make_unique<WatchedTask>(request, on_train, on_predict);
                               });
  return tasks;
}

/// Every registry of the recipes, with `watched` instead of the real tasks.
inline const config::Catalogue& watched_catalogue() {
  static const engine::TaskFactory tasks = watched_tasks();
  static const config::Catalogue catalogue = [] {
    config::Catalogue all;
    for (const auto* registry : recipes::catalogue().all()) {
      if (registry->kind() != "task") all.add(*registry);
    }
    all.add(tasks);
    return all;
  }();
  return catalogue;
}

/// 40 training samples of 8 x 8 pixels in batches of 16 (the last one is shorter), augmented and
/// with dropout: an epoch takes some milliseconds.
inline std::string tiny_text(const std::string& task = "classification") {
  return "task: " + task + R"(
model: {name: small_cnn, width: 4, dropout: 0.3}
data:
  format: synthetic
  train_samples: 40
  val_samples: 12
  test_samples: 20
  num_classes: 4
  height: 8
  width: 8
  channels: 1
  noise: 0.1
  augment: [{name: random_crop, size: 8, padding: 1}, random_horizontal_flip, {name: normalize, mean: 0.5, std: 0.2}]
  preprocess: [{name: normalize, mean: 0.5, std: 0.2}]
train: {epochs: 4, batch_size: 16, seed: 3, workers: 0, threads: 1, device: cpu, log_steps: 1}
optimizer: {name: sgd, lr: 0.05, momentum: 0.9}
schedule: {name: cosine, interval: step}
)";
}

inline config::Resolved tiny(const std::vector<std::string>& overrides = {}) {
  return resolve_text(tiny_text(), overrides);
}

/// The same, with the task `watched`.
inline config::Resolved tiny_watched(const std::vector<std::string>& overrides = {}) {
  return resolve_text(tiny_text("watched"), overrides, watched_catalogue());
}

/// Keeps a test's messages off the terminal and its log files closed, and forgets its signals.
class Quiet {
 public:
  Quiet() {
    clear_stop_signal();
    log::set_level(log::Level::Off);
  }
  ~Quiet() {
    log::set_level(log::Level::Info);
    log::set_file("");
    clear_stop_signal();
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

inline engine::TrainResult train_in(const std::filesystem::path& out, const config::Resolved& resolved,
                                    engine::Resume resume = engine::Resume::Never,
                                    const engine::TaskFactory& tasks = recipes::tasks(),
                                    const engine::MakeCompanion& companion = {}) {
  const Quiet quiet;
  return engine::train(tasks, {resolved, out, resume, "mlrun train tiny.yaml", /*progress=*/true, companion});
}

/// The rows of a metrics.jsonl.
inline std::vector<Json> json_lines(const std::filesystem::path& file) {
  std::vector<Json> rows;
  const std::string text = read_file(file);
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    rows.push_back(Json::parse(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return rows;
}

inline std::string last_file(const std::filesystem::path& run, const std::string& name) {
  return read_file(run / "checkpoints" / "last" / name);
}

}  // namespace mlrun::test
