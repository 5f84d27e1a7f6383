#include "engine/train/feed.h"

#include <algorithm>

#include "engine/read_batch.h"

namespace mlrun::engine {

EpochFeed::EpochFeed(const Task& task, const Epochs& epochs, const config::Recipe& recipe, std::int64_t epoch,
                     std::int64_t first_step, std::int64_t workers, bool pinned)
    : task_(task),
      source_(epochs.source()),
      on_error_(data::on_error_of(recipe.data.on_error)),
      seed_(static_cast<std::uint64_t>(recipe.train.seed)),
      epoch_(epoch),
      steps_(epochs.steps(epoch)),
      draws_(data::draw_numbers(steps_.samples)) {
  const std::int64_t micro = recipe.train.batch_size / recipe.train.accumulate;
  for (auto step = static_cast<std::size_t>(first_step); step < steps_.ends.size(); ++step) {
    const std::int64_t begin = steps_.begin(step), end = steps_.ends[step];
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
    keys.push_back({steps_.samples[i], epoch_, seed_, draws_[i]});
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
