#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "config/recipe.h"
#include "data/loader.h"
#include "data/read_samples.h"
#include "engine/feed.h"
#include "engine/task.h"
#include "engine/train/epochs.h"

namespace mlrun::engine {

/// The micro-batches of one epoch from `first_step` on, `train.batch_size` / `train.accumulate` samples each, the last
/// of a step what is left of it. A skipped sample leaves its place empty: which samples a step is made of never depends
/// on what can be read. With `pinned`, in memory that a GPU fetches by itself.
class EpochFeed : public Feed {
 public:
  EpochFeed(const Task& task, const Epochs& epochs, const config::Recipe& recipe, std::int64_t epoch,
            std::int64_t first_step, std::int64_t workers, bool pinned = false);
  EpochFeed(const EpochFeed&) = delete;
  EpochFeed& operator=(const EpochFeed&) = delete;

  std::optional<MicroBatch> next() override;
  double waited() const override { return loader_->waited(); }
  /// Its place is the training's own: nothing to keep.
  void save(data::State&, const std::string&) const override {}
  void load(const data::State&, const std::string&) override {}

 private:
  struct Range {
    std::int64_t begin, end, number, step_samples;
    bool last;
  };
  data::Batch make(const Range& range) const;

  const Task& task_;
  const data::Source& source_;
  data::OnError on_error_;
  std::uint64_t seed_;
  std::int64_t epoch_;
  data::Steps steps_;
  std::vector<std::int32_t> draws_;  // of each of their samples
  std::vector<Range> ranges_;
  std::size_t handed_out_ = 0;
  std::unique_ptr<data::Loader> loader_;
};

}  // namespace mlrun::engine
