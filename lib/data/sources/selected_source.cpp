#include "data/sources/selected_source.h"

#include <torch/types.h>

#include "base/error.h"
#include "data/image/decode.h"

namespace mlrun::data {

std::int64_t SelectedSource::place(std::int64_t index) const {
  MLRUN_ASSERT(index >= 0 && index < size(), "no such sample");
  return positions_[static_cast<std::size_t>(index)];
}

Sample SelectedSource::labelled(const SampleKey& key) const {
  SampleFacts facts = facts_at(place(key.index));
  Sample sample;
  sample.id = std::move(facts.id);
  sample.index = key.index;
  if (const auto label = facts.label()) sample.targets.set("label", torch::scalar_tensor(*label, torch::kLong));
  return sample;
}

Sample SelectedSource::get(const SampleKey& key) const {
  Sample sample = labelled(key);
  sample.inputs.set("image", image_at(place(key.index)));
  return sample;
}

EncodedSample EncodedSource::encoded(const SampleKey& key) const {
  return {labelled(key), encoded_at(place(key.index))};
}

torch::Tensor EncodedSource::image_at(std::int64_t position) const {
  const EncodedImage file = encoded_at(position);
  return decode_image(*file.bytes, file.name, file.apply_exif);
}

}  // namespace mlrun::data
