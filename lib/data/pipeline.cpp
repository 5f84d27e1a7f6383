#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "data/batch_memory.h"
#include "data/image/reader.h"
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

}  // namespace mlrun::data
