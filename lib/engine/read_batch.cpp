#include "engine/read_batch.h"

#include <utility>

namespace mlrun::engine {

data::Batch collate_read(const Task& task, data::SamplesRead read) {
  data::Batch batch;
  if (!read.samples.empty()) batch = task.collate(std::move(read.samples));
  batch.skipped = std::move(read.skipped);
  return batch;
}

}  // namespace mlrun::engine
