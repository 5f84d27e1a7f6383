#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "config/recipe.h"
#include "data/loader.h"
#include "data/read_samples.h"
#include "data/sampler.h"
#include "engine/feed.h"
#include "engine/task.h"
#include "engine/train/hooks.h"

namespace mlrun::engine {

/// What was read as a batch; one without fields where every sample was skipped.
data::Batch collate_read(const Task& task, data::SamplesRead read);

/// The sampler that a recipe names, of these training samples.
std::unique_ptr<data::Sampler> make_sampler(const Task& task, const config::Recipe& recipe,
                                            std::shared_ptr<const data::Source> source);

/// The samples of the train split; UserError where there are none.
std::shared_ptr<const data::Source> training_source(Task& task);

/// The length of a training whose epochs have `steps_per_epoch` steps.
Plan training_length(const config::TrainSection& train, std::int64_t steps_per_epoch);

/// What the recipe trains for where an epoch draws `drawn` samples: it takes all of them or, with data.drop_last, whole
/// steps of them. UserError where those are none.
Plan training_plan(const config::Recipe& recipe, std::int64_t drawn);

/// The same for samples from a feed of the task's own, which has no epochs: the whole training counts as one. UserError
/// at train.epochs where the recipe gives no length in steps.
Plan feed_plan(const config::Recipe& recipe);

/// The micro-batches of one epoch from `first_step` on: samples in the sampler's order, which depends on
/// (seed, epoch); `train.batch_size` samples a step, the last step what is left. A skipped
/// sample leaves its place empty: which samples a step is made of never depends on what can be read. With `pinned`, in
/// memory that a GPU fetches by itself.
class EpochFeed : public Feed {
 public:
  EpochFeed(const Task& task, const data::Source& source, const data::Sampler& sampler, const config::Recipe& recipe,
            std::int64_t epoch, std::int64_t first_step, std::int64_t workers,
            data::OnError on_error = data::OnError::Fail, bool pinned = false);
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
  std::vector<std::int64_t> order_;
  std::vector<std::int32_t> draws_;  // of each place in it
  std::vector<Range> ranges_;
  std::size_t handed_out_ = 0;
  std::unique_ptr<data::Loader> loader_;
};

}  // namespace mlrun::engine
