#include "engine/evaluator.h"

#include <algorithm>
#include <chrono>

#include <torch/torch.h>

#include "base/error.h"
#include "data/loader.h"

namespace mlrun::engine {
namespace {

/// Counts how often each sample of a split came by.
class Roll {
 public:
  explicit Roll(std::int64_t size) : seen_(static_cast<std::size_t>(size), false) {}

  void call(const data::Batch& batch) {
    for (const auto index : batch.indices) {
      MLRUN_ASSERT(!seen_.at(static_cast<std::size_t>(index)), "a sample was evaluated twice");
      seen_[static_cast<std::size_t>(index)] = true;
    }
    count_ += batch.size();
  }
  std::int64_t count() const { return count_; }

 private:
  std::vector<bool> seen_;
  std::int64_t count_ = 0;
};

std::shared_ptr<const data::Source> open_split(Task& task, data::Split split) {
  auto source = task.source(split);
  if (source && source->size() > 0) return source;
  throw UserError("the data set '" + task.data().name + "' has no " + data::split_name(split) + " samples",
                  "choose another --split or give data.split a share for it");
}

data::Batch make_batch(const Task& task, const data::Source& source, std::int64_t first, std::int64_t last) {
  std::vector<data::Sample> samples;
  for (std::int64_t i = first; i < last; ++i) samples.push_back(source.get({i, 0, 0}));
  return task.collate(std::move(samples));
}

}  // namespace

const double* Evaluation::find(const std::string& name) const {
  for (const auto& figure : figures) {
    if (figure.first == name) return &figure.second;
  }
  return nullptr;
}

Evaluation evaluate(Task& task, data::Split split, const Context& context, const EvaluateOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const auto source = open_split(task, split);
  const std::int64_t total = source->size();
  const std::int64_t size = options.batch_size;
  const torch::NoGradGuard no_gradients;
  for (const auto& model : task.models()) model.second->eval();

  auto metrics = task.metrics(split);
  Roll roll(total);
  data::Loader loader(0, (total + size - 1) / size,
                      [&](std::int64_t number) {
                        return make_batch(task, *source, number * size, std::min(total, (number + 1) * size));
                      },
                      {context.workers, 2});
  while (auto batch = loader.next()) {
    roll.call(*batch);
    batch->inputs = place(batch->inputs, context);
    const data::Fields prediction = task.predict(*batch).to(torch::kCPU);
    for (auto& metric : metrics) metric->update(prediction, *batch);
    if (options.observe) options.observe(*batch, prediction);
    if (options.progress) options.progress(roll.count(), total);
  }
  MLRUN_ASSERT(roll.count() == total, "not every sample was evaluated");

  Evaluation result;
  result.split = split;
  result.total = total;
  result.evaluated = roll.count();
  for (const auto& metric : metrics) {
    for (auto& figure : metric->compute()) result.figures.push_back(std::move(figure));
    const Json details = metric->details();
    if (details.is_object()) result.details.update(details);
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace mlrun::engine
