#include <memory>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/resident.h"
#include "base/threads.h"
#include "deploy/bench/bench.h"
#include "engine/block_cache.h"
#include "engine/train/feed.h"

namespace mlrun::deploy {
namespace {

/// A recipe's training batches, epoch after epoch.
class EndlessFeed {
 public:
  EndlessFeed(engine::Task& task, const config::Recipe& recipe, std::int64_t workers)
      : task_(task), recipe_(recipe), workers_(workers), epochs_(task, recipe, engine::training_source(task)) {}

  /// Samples of the next batch.
  std::int64_t next() {
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (!feed_) feed_ = std::make_unique<engine::EpochFeed>(task_, epochs_, recipe_, epoch_++, 0, workers_);
      if (const auto micro = feed_->next()) return micro->batch.size();
      feed_.reset();
    }
    throw UserError("an epoch of this recipe has no samples");
  }

 private:
  engine::Task& task_;
  const config::Recipe& recipe_;
  std::int64_t workers_, epoch_ = 0;
  engine::Epochs epochs_;
  std::unique_ptr<engine::EpochFeed> feed_;
};

BenchRow loading_row(const engine::TaskFactory& tasks, const config::Resolved& resolved, const BenchRequest& request,
                     std::int64_t workers) {
  const auto task = tasks.make(resolved.recipe.task.kind, engine::TaskRequest{resolved.recipe, std::nullopt});
  EndlessFeed feed(*task, resolved.recipe, workers);
  std::vector<std::int64_t> samples;
  engine::release_kept_tensors();
  restart_peak_resident();
  BenchRow row;
  row.latency = engine::measure_latency([&] { samples.push_back(feed.next()); }, request.latency);
  row.rss_mb = static_cast<double>(peak_resident()) / kMebibyte;
  row.mode = "load";
  row.model = resolved.recipe.model.architecture.name;
  row.device = "cpu";
  row.batch = resolved.recipe.train.batch_size;
  row.workers = workers;
  // Batches come in bursts when several workers finish at once: what counts is how many came in all the time.
  const auto measured = std::accumulate(samples.end() - row.latency.iterations, samples.end(), std::int64_t{0});
  row.images_per_s =
      static_cast<double>(measured) * 1000 / (row.latency.mean * static_cast<double>(row.latency.iterations));
  return row;
}

}  // namespace

std::vector<BenchRow> bench_loading(const engine::TaskFactory& tasks, const RecipeOf& recipe_of,
                                    const BenchRequest& request, const TellRow& tell) {
  const std::vector<std::int64_t> batches = request.batches.empty() ? std::vector<std::int64_t>{0} : request.batches;
  const std::vector<std::int64_t> workers =
      request.workers.empty() ? std::vector<std::int64_t>{available_processors()} : request.workers;
  std::vector<BenchRow> rows;
  for (const auto batch : batches) {
    config::Resolved recipe = recipe_of(batch);
    recipe.recipe.train.accumulate = 1;
    for (const auto count : workers) {
      tell("loading batches of " + std::to_string(recipe.recipe.train.batch_size) + ", " + std::to_string(count) +
           " worker(s)");
      rows.push_back(loading_row(tasks, recipe, request, count));
    }
  }
  return rows;
}

}  // namespace mlrun::deploy
