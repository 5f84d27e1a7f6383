#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "data/image/bytes.h"
#include "data/image/ops.h"

namespace mlrun::data {
namespace {

template <int Channels>
void count_values(const ImageView& view, std::array<Histogram, 3>& counts) {
  // Two sets in turn, for neighbouring pixels are often equal and would wait for each other.
  std::array<std::array<std::uint32_t, 256>, 2 * Channels> sets{};
  for (std::int64_t y = 0; y < view.height; ++y) {
    const std::uint8_t* in = view.row(y);
    std::int64_t x = 0;
    for (; x + 2 <= view.width; x += 2, in += 2 * Channels) {
      for (std::size_t c = 0; c < 2 * Channels; ++c) ++sets[c][in[c]];
    }
    if (x < view.width) {
      for (std::size_t c = 0; c < Channels; ++c) ++sets[c][in[c]];
    }
  }
  for (std::size_t c = 0; c < Channels; ++c) {
    for (std::size_t v = 0; v < 256; ++v) counts[c][v] = std::int64_t{sets[c][v]} + sets[c + Channels][v];
  }
}

ByteTable identity_table() {
  ByteTable table;
  for (std::size_t v = 0; v < table.size(); ++v) table[v] = static_cast<std::uint8_t>(v);
  return table;
}

ByteTable stretched(const Histogram& counts) {
  const auto present = [](std::int64_t count) { return count != 0; };
  const auto low = std::find_if(counts.begin(), counts.end(), present) - counts.begin();
  const auto high = counts.rend() - std::find_if(counts.rbegin(), counts.rend(), present) - 1;
  if (high <= low) return identity_table();
  const double scale = 255.0 / static_cast<double>(high - low);
  const double offset = -static_cast<double>(low) * scale;
  ByteTable table;
  for (std::size_t v = 0; v < table.size(); ++v) {
    const double value = std::trunc(static_cast<double>(v) * scale + offset);
    table[v] = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
  }
  return table;
}

ByteTable equalized(const Histogram& counts) {
  std::int64_t sum = 0, last = 0;
  for (const std::int64_t count : counts) {
    sum += count;
    if (count != 0) last = count;
  }
  const std::int64_t step = (sum - last) / 255;
  if (step == 0) return identity_table();
  ByteTable table;
  std::int64_t below = step / 2;
  for (std::size_t v = 0; v < table.size(); ++v) {
    table[v] = static_cast<std::uint8_t>(std::min<std::int64_t>(below / step, 255));
    below += counts[v];
  }
  return table;
}

template <class Function>
torch::Tensor mapped(const torch::Tensor& image, Function function) {
  const ImageView view = rgb_or_grey(image);
  auto result = empty_like(view);
  map_bytes(view.pixels, result.numel(), result.data_ptr<std::uint8_t>(), function);
  return result;
}

}  // namespace

std::array<Histogram, 3> histograms(const ImageView& view) {
  std::array<Histogram, 3> counts{};
  if (view.channels == 3) count_values<3>(view, counts);
  else count_values<1>(view, counts);
  return counts;
}

ImageView rgb_or_grey(const torch::Tensor& image) {
  const ImageView view = view_of(image);
  MLRUN_ASSERT(view.channels == 3 || view.channels == 1,
               "an operator got an image of " + std::to_string(view.channels) + " channels");
  return view;
}

torch::Tensor empty_like(const ImageView& view) {
  return torch::empty({view.height, view.width, view.channels}, torch::kUInt8);
}

torch::Tensor look_up(const torch::Tensor& image, const ByteTable& table) {
  const ImageView view = view_of(image);
  auto result = empty_like(view);
  const std::uint8_t* const in = view.pixels;
  auto* const out = result.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0, size = result.numel(); i < size; ++i) out[i] = table[in[i]];
  return result;
}

torch::Tensor look_up(const torch::Tensor& image, const std::array<ByteTable, 3>& tables) {
  const ImageView view = view_of(image);
  MLRUN_ASSERT(view.channels == 3, "tables for three channels need an image of three");
  auto result = empty_like(view);
  const std::uint8_t* const in = view.pixels;
  auto* const out = result.data_ptr<std::uint8_t>();
  for (std::int64_t i = 0, size = result.numel(); i < size; i += 3) {
    out[i] = tables[0][in[i]];
    out[i + 1] = tables[1][in[i + 1]];
    out[i + 2] = tables[2][in[i + 2]];
  }
  return result;
}

torch::Tensor posterize(const torch::Tensor& image, std::int64_t bits) {
  MLRUN_ASSERT(bits >= 0 && bits <= 8, "a byte has no " + std::to_string(bits) + " bits");
  const auto mask = static_cast<std::uint8_t>(~((1 << (8 - bits)) - 1));
  return mapped(image, [mask](std::uint8_t value) { return static_cast<std::uint8_t>(value & mask); });
}

torch::Tensor solarize(const torch::Tensor& image, double threshold) {
  const int first = static_cast<int>(std::clamp(std::ceil(threshold), 0.0, 256.0));  // the least value inverted
  return mapped(image,
                [first](std::uint8_t value) { return static_cast<std::uint8_t>(value < first ? value : ~value); });
}

torch::Tensor invert(const torch::Tensor& image) {
  return mapped(image, [](std::uint8_t value) { return static_cast<std::uint8_t>(~value); });
}

torch::Tensor autocontrast(const torch::Tensor& image) { return remap(image, stretched); }

torch::Tensor equalize(const torch::Tensor& image) { return remap(image, equalized); }

}  // namespace mlrun::data
