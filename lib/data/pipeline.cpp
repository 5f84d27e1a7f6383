#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "data/batch_memory.h"
#include "data/image/reader.h"
#include "data/passage.h"
#include "data/transforms/transform.h"
#include "data/transforms/window.h"

namespace mlrun::data {

torch::Tensor Pipeline::viewable(const torch::Tensor& input) const {
  torch::Tensor image = input;
  for (const auto& transform : transforms_) {
    if (transform->converts()) image = transform->revert(image);
  }
  return (image * 255).round().clamp(0, 255).to(torch::kByte).permute({1, 2, 0}).contiguous();
}

torch::Tensor Pipeline::apply(const torch::Tensor& image, const SampleKey& key) const {
  return run(ImageReader(image), key, nullptr);
}

torch::Tensor Pipeline::apply(const torch::Tensor& image, const SampleKey& key, BatchMemory& memory) const {
  return run(ImageReader(image), key, &memory);
}

torch::Tensor Pipeline::apply(EncodedImage image, const SampleKey& key, BatchMemory& memory) const {
  return run(ImageReader(std::move(image), scaled_decoding_), key, &memory);
}

torch::Tensor Pipeline::apply(EncodedImage image, const SampleKey& key) const {
  return run(ImageReader(std::move(image), scaled_decoding_), key, nullptr);
}

torch::Tensor Pipeline::convert(ImageReader& image, const Window& window, const ValueTables& tables,
                                BatchMemory* memory) const {
  WindowReader reader = image.read(window);
  const auto channels = static_cast<std::int64_t>(tables.size());
  BatchMemory own(1);  // memory is taken when the image is known to be whole
  const torch::Tensor result =
      (memory != nullptr ? memory : &own)->next(channels, window.height(), window.width(), channels_last_);
  reader.floats(tables, result);
  return result;
}

torch::Tensor Pipeline::run(ImageReader image, const SampleKey& key, BatchMemory* memory) const {
  Window window(image.height(), image.width());
  torch::Tensor result;  // once there are floats
  for (std::size_t i = 0; i < transforms_.size(); ++i) {
    const Transform& transform = *transforms_[i];
    KeyedRandom random = key.random(purposes_[i]);
    if (result.defined()) {
      result = transform.apply(result, random);
    } else if (const ValueTables* tables = transform.tables()) {
      result = convert(image, window, *tables, memory);
    } else if (!transform.plan(window, random)) {
      random = key.random(purposes_[i]);  // plan may have drawn
      image = ImageReader(transform.apply(image.bytes(window), random));
      window = Window(image.height(), image.width());
    }
  }
  MLRUN_ASSERT(result.defined(), "a pipeline ends with floats");
  return result;
}

/// Samples as the transforms before number `count` make them.
class Pipeline::Earlier : public Others {
 public:
  Earlier(const Pipeline& pipeline, const Source& raw, const SampleKey& key, std::size_t count)
      : pipeline_(pipeline), raw_(raw), key_(key), count_(count) {}

  Scene draw(KeyedRandom& random) const override {
    SampleKey key = key_;
    key.index = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(raw_.size())));
    key.draw = 1 + static_cast<std::int64_t>(random.bits32());  // other numbers than where it comes by itself
    EncodedSample encoded = raw_.read(key);
    Passage passage = pipeline_.begin(encoded);
    pipeline_.advance(passage, count_, raw_, key);
    return passage.scene();
  }

 private:
  const Pipeline& pipeline_;
  const Source& raw_;
  SampleKey key_;
  std::size_t count_;
};

ImageReader Pipeline::reader(EncodedSample& encoded) const {
  if (encoded.image.bytes) return ImageReader(std::move(encoded.image), scaled_decoding_);
  return ImageReader(encoded.sample.inputs.tensor("image"));
}

Passage Pipeline::begin(EncodedSample& encoded) const {
  return Passage(reader(encoded), std::move(encoded.sample.targets), followers_, encoded.sample.id);
}

std::size_t Pipeline::advance(Passage& passage, std::size_t count, const Source& raw, const SampleKey& key) const {
  std::size_t done = 0;
  for (; done < count && transforms_[done]->tables() == nullptr; ++done) {
    passage.take(*transforms_[done], key, purposes_[done], Earlier(*this, raw, key, done));
  }
  return done;
}

Sample Pipeline::sample(const Source& raw, const SampleKey& key, BatchMemory& memory) const {
  EncodedSample encoded = raw.read(key);
  Sample& sample = encoded.sample;
  if (followers_.empty()) {
    sample.inputs.set("image", run(reader(encoded), key, &memory));
    return std::move(sample);
  }
  Passage passage = begin(encoded);
  std::size_t done = advance(passage, transforms_.size(), raw, key);
  torch::Tensor image = convert(passage.image(), passage.window(), *transforms_[done]->tables(), &memory);
  sample.targets = passage.targets();
  while (++done < transforms_.size()) {
    KeyedRandom random = key.random(purposes_[done]);
    image = transforms_[done]->apply(image, random);
  }
  sample.inputs.set("image", image);
  return std::move(sample);
}

}  // namespace mlrun::data
