#include "data/batch_memory.h"

#include <torch/types.h>

#include "base/error.h"

namespace mlrun::data {
namespace {

torch::Tensor empty_batch(std::int64_t samples, std::int64_t channels, std::int64_t height, std::int64_t width,
                          bool channels_last) {
  if (!channels_last) return torch::empty({samples, channels, height, width}, torch::kFloat32);
  return torch::empty({samples, height, width, channels}, torch::kFloat32).permute({0, 3, 1, 2});
}

/// Whether `sample` lies where number `i` of a batch does that begins with `first`.
bool follows(const torch::Tensor& first, const torch::Tensor& sample, std::int64_t i) {
  return sample.is_alias_of(first) && sample.strides() == first.strides() &&
         sample.storage_offset() == first.storage_offset() + i * first.numel();
}

}  // namespace

torch::Tensor BatchMemory::next(std::int64_t channels, std::int64_t height, std::int64_t width, bool channels_last) {
  if (!all_.defined()) all_ = empty_batch(samples_, channels, height, width, channels_last);
  if (used_ < samples_) {
    const torch::Tensor place = all_.select(0, used_);
    const bool last = place.stride(0) == 1 && channels > 1;
    const bool same = place.size(0) == channels && place.size(1) == height && place.size(2) == width;
    if (same && (last == channels_last || channels == 1)) return ++used_, place;
  }
  return empty_batch(1, channels, height, width, channels_last).select(0, 0);
}

torch::Tensor stack(const std::vector<torch::Tensor>& samples) {
  MLRUN_ASSERT(!samples.empty(), "a batch of nothing");
  const torch::Tensor& first = samples.front();
  bool placed = samples.size() > 1 && first.storage_offset() == 0;
  for (std::size_t i = 1; placed && i < samples.size(); ++i) {
    placed = follows(first, samples[i], static_cast<std::int64_t>(i));
  }
  if (!placed) return torch::stack(samples);
  std::vector<std::int64_t> sizes = first.sizes().vec(), strides = first.strides().vec();
  sizes.insert(sizes.begin(), static_cast<std::int64_t>(samples.size()));
  strides.insert(strides.begin(), first.numel());
  return first.as_strided(sizes, strides);
}

}  // namespace mlrun::data
