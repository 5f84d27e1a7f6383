#include "deploy/task_samples.h"

#include <algorithm>

#include "data/read_samples.h"
#include "engine/ports.h"

namespace mlrun::deploy {
namespace {

std::shared_ptr<const data::Source> samples_source(engine::Task& task, std::string& from) {
  for (const auto split : {data::Split::Test, data::Split::Val, data::Split::Train}) {
    auto source = task.evaluation_source(split);
    if (!source || source->size() == 0) continue;
    from = task.data().name + " " + data::split_name(split);
    return source;
  }
  return nullptr;
}

}  // namespace

TaskSamples read_task_samples(engine::Task& task, std::int64_t count) {
  TaskSamples found;
  const auto source = samples_source(task, found.from);
  if (!source) return found;
  const std::int64_t total = source->size(), wanted = std::min(count, total);
  std::vector<data::SampleKey> keys;
  for (std::int64_t i = 0; i < wanted; ++i) keys.push_back({i * total / wanted, 0, 0});
  data::SamplesRead read = data::read_samples(*source, keys, data::OnError::Skip);
  if (read.samples.empty()) return found;
  const data::Batch batch = task.collate(std::move(read.samples));
  found.inputs = engine::model_inputs(task, batch);
  found.ids = batch.ids;
  return found;
}

}  // namespace mlrun::deploy
