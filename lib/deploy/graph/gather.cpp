#include <algorithm>
#include <cstring>

#include "deploy/graph/kernels.h"
#include "deploy/graph/share.h"

namespace mlrun::deploy {
namespace {

/// Channels that lie side by side both in a source and in the result.
struct Run {
  const float* from = nullptr;
  float* to = nullptr;
  std::int64_t from_step = 0, to_step = 0, length = 0;  // floats from pixel to pixel, and at each
};

void copy_run(const Run& run, std::int64_t pixels) {
  if (run.length == run.from_step && run.length == run.to_step) {
    std::memcpy(run.to, run.from, static_cast<std::size_t>(pixels * run.length) * sizeof(float));
  } else if (run.length == 1) {
    for (std::int64_t p = 0; p < pixels; ++p) run.to[p * run.to_step] = run.from[p * run.from_step];
  } else {
    for (std::int64_t p = 0; p < pixels; ++p) {
      std::memcpy(run.to + p * run.to_step, run.from + p * run.from_step,
                  static_cast<std::size_t>(run.length) * sizeof(float));
    }
  }
}

/// Where a channel of an image begins.
std::int64_t channel_offset(const ImageLayout& layout, std::int64_t image, std::int64_t channel) {
  return image * layout.image_floats() + channel / layout.block * layout.pixels * layout.block + channel % layout.block;
}

/// How many picks from `c` on continue it side by side.
std::int64_t run_length(const std::vector<ChannelSource>& sources, const std::vector<ChannelPick>& picks,
                        const ImageLayout& layout, std::int64_t c) {
  const ChannelPick& begin = picks[static_cast<std::size_t>(c)];
  const std::int64_t from_block = sources[static_cast<std::size_t>(begin.source)].layout.block;
  const std::int64_t most =
      std::min({layout.block - c % layout.block, from_block - begin.channel % from_block, layout.channels - c});
  std::int64_t length = 1;
  for (; length < most; ++length) {
    const ChannelPick& next = picks[static_cast<std::size_t>(c + length)];
    if (next.source != begin.source || next.channel != begin.channel + length) break;
  }
  return length;
}

}  // namespace

void gather_channels(const std::vector<ChannelSource>& sources, const std::vector<ChannelPick>& picks,
                     const ImageLayout& layout, float* y) {
  const std::int64_t blocks = layout.blocks(), size = layout.pixels * layout.block;
  share(layout.images * blocks, size, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t image = i / blocks, begin = i % blocks * layout.block;
      const std::int64_t end = std::min(begin + layout.block, layout.channels);
      if (end < begin + layout.block) std::fill(y + i * size, y + (i + 1) * size, 0.0f);
      for (std::int64_t c = begin; c < end;) {
        const ChannelPick& pick = picks[static_cast<std::size_t>(c)];
        const ChannelSource& source = sources[static_cast<std::size_t>(pick.source)];
        const std::int64_t length = run_length(sources, picks, layout, c);
        copy_run({source.data + channel_offset(source.layout, image, pick.channel),
                  y + channel_offset(layout, image, c), source.layout.block, layout.block, length},
                 layout.pixels);
        c += length;
      }
    }
  });
}

}  // namespace mlrun::deploy
