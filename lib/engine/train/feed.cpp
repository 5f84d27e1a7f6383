#include "engine/train/feed.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace mlrun::engine {

data::Batch collate_read(const Task& task, data::SamplesRead read) {
  data::Batch batch;
  if (!read.samples.empty()) batch = task.collate(std::move(read.samples));
  batch.skipped = std::move(read.skipped);
  return batch;
}

std::unique_ptr<data::Sampler> make_sampler(const Task& task, const config::Recipe& recipe,
                                            std::shared_ptr<const data::Source> source) {
  return data::samplers().make(recipe.data.sampler, data::SamplerRequest{std::move(source), task.data().classes});
}

std::shared_ptr<const data::Source> training_source(Task& task) {
  auto source = task.source(data::Split::Train);
  if (source && source->size() > 0) return source;
  throw UserError("the data set '" + task.data().name + "' has no train samples", "give data.split.train a share");
}

namespace {

bool in_whole_epochs(const config::Span& span) {
  return span.unit == config::Span::Unit::Epochs && span.value == std::floor(span.value);
}

}  // namespace

Plan training_length(const config::TrainSection& train, std::int64_t steps_per_epoch) {
  Plan plan;
  plan.steps_per_epoch = steps_per_epoch;
  const bool whole = train.epochs || in_whole_epochs(*train.length);
  plan.epochs = train.epochs ? *train.epochs : whole ? std::llround(train.length->value) : 0;
  if (whole || steps_per_epoch == 0) return plan;
  plan.length = std::max<std::int64_t>(1, optim::span_steps(*train.length, {steps_per_epoch, 1}, "train.length"));
  plan.epochs = (*plan.length + steps_per_epoch - 1) / steps_per_epoch;
  if (in_whole_epochs(train.evaluate)) return plan;
  const std::int64_t every = optim::span_steps(train.evaluate, plan.horizon(), "train.evaluate");
  if (every > 0) plan.stretch = every;
  return plan;
}

Plan training_plan(const config::Recipe& recipe, std::int64_t drawn) {
  const std::int64_t size = recipe.train.batch_size, whole = drawn / size * size;
  const std::int64_t samples = recipe.data.drop_last ? whole : drawn;
  if (samples > 0 || drawn == 0) {
    Plan plan = training_length(recipe.train, (samples + size - 1) / size);
    plan.samples = samples;
    return plan;
  }
  throw UserError(Problem{"", 0, 0, "data.drop_last",
                          "leaves nothing to train on: an epoch has " + std::to_string(drawn) +
                              " samples, and a step takes " + std::to_string(size),
                          "lower train.batch_size, or set it to false"});
}

Plan feed_plan(const config::Recipe& recipe) {
  const auto& length = recipe.train.length;
  if (length && length->unit == config::Span::Unit::Steps) {
    return training_length(recipe.train, std::llround(length->value));
  }
  throw UserError(Problem{"", 0, 0, length ? "train.length" : "train.epochs",
                          "the samples of this task come without epochs", "give train.length in steps"});
}

EpochFeed::EpochFeed(const Task& task, const data::Source& source, const data::Sampler& sampler,
                     const config::Recipe& recipe, std::int64_t epoch, std::int64_t first_step, std::int64_t workers,
                     data::OnError on_error, bool pinned)
    : task_(task),
      source_(source),
      on_error_(on_error),
      seed_(static_cast<std::uint64_t>(recipe.train.seed)),
      epoch_(epoch),
      order_(sampler.order(seed_, epoch)),
      draws_(data::draw_numbers(order_)) {
  const config::TrainSection& train = recipe.train;
  const std::int64_t total = training_plan(recipe, static_cast<std::int64_t>(order_.size())).samples;
  const std::int64_t micro = train.batch_size / train.accumulate;
  for (std::int64_t begin = first_step * train.batch_size; begin < total; begin += train.batch_size) {
    const std::int64_t end = std::min(begin + train.batch_size, total);
    for (std::int64_t at = begin; at < end; at += micro) {
      const std::int64_t stop = std::min(at + micro, end);
      ranges_.push_back({at, stop, (at - begin) / micro, end - begin, stop == end});
    }
  }
  loader_ = std::make_unique<data::Loader>(
      0, static_cast<std::int64_t>(ranges_.size()),
      [this](std::int64_t number) { return make(ranges_[static_cast<std::size_t>(number)]); },
      data::LoaderOptions{workers, 2, pinned});
}

data::Batch EpochFeed::make(const Range& range) const {
  std::vector<data::SampleKey> keys;
  keys.reserve(static_cast<std::size_t>(range.end - range.begin));
  for (auto i = static_cast<std::size_t>(range.begin); i < static_cast<std::size_t>(range.end); ++i) {
    keys.push_back({order_[i], epoch_, seed_, draws_[i]});
  }
  return collate_read(task_, data::read_samples(source_, keys, on_error_));
}

std::optional<MicroBatch> EpochFeed::next() {
  auto batch = loader_->next();
  if (!batch) return std::nullopt;
  const Range& range = ranges_[handed_out_++];
  return MicroBatch{std::move(*batch), range.number, range.step_samples, range.last};
}

}  // namespace mlrun::engine
