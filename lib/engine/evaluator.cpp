#include "engine/evaluator.h"

#include <algorithm>
#include <chrono>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/log.h"
#include "data/loader.h"
#include "data/shown_text.h"
#include "engine/read_batch.h"

namespace mlrun::engine {
namespace {

/// Counts how often each sample of a split came by, and keeps those that were skipped.
class Roll {
 public:
  explicit Roll(std::int64_t size) : seen_(static_cast<std::size_t>(size), false) {}

  void call(const data::Batch& batch) {
    for (const auto index : batch.indices) mark(index);
    for (const auto& sample : batch.skipped) mark(sample.index);
    count_ += batch.size();
    skipped_.insert(skipped_.end(), batch.skipped.begin(), batch.skipped.end());
  }
  /// Samples that were evaluated.
  std::int64_t count() const { return count_; }
  /// Those and the skipped ones.
  std::int64_t done() const { return count_ + static_cast<std::int64_t>(skipped_.size()); }
  const std::vector<data::Skipped>& skipped() const { return skipped_; }

 private:
  void mark(std::int64_t index) {
    MLRUN_ASSERT(!seen_.at(static_cast<std::size_t>(index)), "a sample was evaluated twice");
    seen_[static_cast<std::size_t>(index)] = true;
  }

  std::vector<bool> seen_;
  std::vector<data::Skipped> skipped_;
  std::int64_t count_ = 0;
};

std::shared_ptr<const data::Source> open_split(Task& task, data::Split split) {
  auto source = task.evaluation_source(split);
  if (source && source->size() > 0) return source;
  throw UserError("the data set '" + task.data().name + "' has no " + data::split_name(split) + " samples",
                  "choose another --split or give data.split a share for it");
}

data::Batch make_batch(const Task& task, const data::Source& source, std::int64_t first, std::int64_t last,
                       data::OnError on_error) {
  std::vector<data::SampleKey> keys;
  for (std::int64_t i = first; i < last; ++i) keys.push_back({i, 0, 0});
  return collate_read(task, data::read_samples(source, keys, on_error));
}

void check_roll(const Roll& roll, std::int64_t total, data::Split split) {
  MLRUN_ASSERT(roll.done() == total, "not every sample was evaluated");
  if (roll.count() > 0) return;
  throw UserError("none of the " + std::to_string(total) + " " + data::split_name(split) +
                      " samples can be read; the first: " + roll.skipped().front().message,
                  "set data.on_error to fail and mend the data");
}

torch::Tensor says_nothing(const torch::Tensor& numbers) { return numbers.isnan() | numbers.isposinf(); }

/// Of one tensor for all samples, its first axis.
void mark_spoilt(const torch::Tensor& tensor, torch::Tensor& spoilt) {
  if (!tensor.is_floating_point() || tensor.dim() == 0 || tensor.size(0) != spoilt.size(0)) return;
  if (tensor.numel() > 0) spoilt |= says_nothing(tensor.detach().reshape({tensor.size(0), -1})).any(1).cpu();
}

/// Of one tensor for each sample.
void mark_spoilt(const std::vector<torch::Tensor>& list, torch::Tensor& spoilt) {
  if (static_cast<std::int64_t>(list.size()) != spoilt.size(0)) return;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].is_floating_point() && says_nothing(list[i].detach()).any().item<bool>()) {
      spoilt[static_cast<std::int64_t>(i)] = true;
    }
  }
}

}  // namespace

std::vector<std::string> spoilt_samples(const data::Batch& batch, const data::Fields& prediction) {
  torch::Tensor spoilt = torch::zeros(batch.size(), torch::kBool);
  for (const auto& field : prediction) {
    if (const auto* tensor = std::get_if<torch::Tensor>(&field.second)) mark_spoilt(*tensor, spoilt);
    if (const auto* list = std::get_if<std::vector<torch::Tensor>>(&field.second)) mark_spoilt(*list, spoilt);
  }
  std::vector<std::string> ids;
  if (!spoilt.any().item<bool>()) return ids;
  for (std::int64_t row = 0; row < batch.size(); ++row) {
    if (spoilt[row].item<bool>()) ids.push_back(batch.ids[static_cast<std::size_t>(row)]);
  }
  return ids;
}

std::string spoilt_text(const Evaluation& evaluation) {
  constexpr std::size_t kMost = 5;
  const std::size_t count = evaluation.spoilt.size();
  std::string samples;
  for (std::size_t i = 0; i < std::min(kMost, count); ++i) {
    samples += (i == 0 ? "" : ", ") + data::shown_text(evaluation.spoilt[i]);
  }
  if (count > kMost) samples += " and " + std::to_string(count - kMost) + " more";
  return "the outputs for " + std::to_string(count) + " of " + std::to_string(evaluation.evaluated) + " " +
         data::split_name(evaluation.split) +
         " samples are not finite, so that their figures are not defined: " + samples;
}

void take_figures(const std::vector<std::unique_ptr<metrics::Metric>>& metrics, Evaluation& evaluation) {
  for (const auto& metric : metrics) {
    report::append(evaluation.figures, metric->compute());
    const Json details = metric->details();
    if (details.is_object()) evaluation.details.update(details);
    for (auto& exhibit : metric->exhibits()) evaluation.exhibits.push_back(std::move(exhibit));
  }
}

EvaluateOptions evaluate_options(const config::Recipe& recipe) {
  EvaluateOptions options;
  options.batch_size = recipe.train.eval_batch_size.value_or(recipe.train.batch_size / recipe.train.accumulate);
  options.on_error = data::on_error_of(recipe.data.on_error);
  return options;
}

Evaluation evaluate(Task& task, data::Split split, const Context& context, const EvaluateOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const auto source = open_split(task, split);
  const std::int64_t total = source->size();
  const std::int64_t size = options.batch_size;
  const torch::NoGradGuard no_gradients;
  for (const auto& model : task.models()) model.second->eval();

  auto metrics = task.metrics(split);
  Evaluation result;
  Roll roll(total);
  data::Loader loader(0, (total + size - 1) / size,
                      [&](std::int64_t number) {
                        return make_batch(task, *source, number * size, std::min(total, (number + 1) * size),
                                          options.on_error);
                      },
                      {context.workers, 2, context.device.is_cuda()});
  while (auto batch = loader.next()) {
    roll.call(*batch);
    if (batch->size() > 0) {
      batch->inputs = place(batch->inputs, context);
      const data::Fields prediction = task.predict(*batch).to(torch::kCPU);
      for (auto& id : spoilt_samples(*batch, prediction)) result.spoilt.push_back(std::move(id));
      for (auto& metric : metrics) metric->update(prediction, *batch);
      if (options.observe) options.observe(*batch, prediction);
    }
    if (options.progress) options.progress(roll.done(), total);
  }
  check_roll(roll, total, split);

  result.split = split;
  result.total = total;
  result.evaluated = roll.count();
  result.skipped = roll.skipped();
  take_figures(metrics, result);
  if (!result.spoilt.empty() && options.warn_of_spoilt) log::warning(spoilt_text(result));
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return result;
}

}  // namespace mlrun::engine
