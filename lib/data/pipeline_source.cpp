#include "data/pipeline_source.h"

#include <torch/types.h>

#include "data/batch_memory.h"

namespace mlrun::data {

Sample PipelineSource::get(const SampleKey& key) const {
  BatchMemory memory(1);
  return get_into(key, memory);
}

Sample PipelineSource::get_into(const SampleKey& key, BatchMemory& memory) const {
  return labelled(pipeline_->sample(*raw_, key, memory));
}

SampleFacts PipelineSource::facts(std::int64_t index) const {
  SampleFacts facts = raw_->facts(index);
  if (labels_.empty()) return facts;
  for (auto& label : facts.labels) label = labels_.at(static_cast<std::size_t>(label));
  return facts;
}

Sample PipelineSource::labelled(Sample sample) const {
  if (labels_.empty() || !sample.targets.has("label")) return sample;
  const auto label = static_cast<std::size_t>(sample.targets.tensor("label").item<std::int64_t>());
  sample.targets.set("label", torch::scalar_tensor(labels_.at(label), torch::kLong));
  return sample;
}

}  // namespace mlrun::data
