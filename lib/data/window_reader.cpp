#include "data/window_reader.h"

#include <torch/types.h>

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "data/image/resample.h"

namespace mlrun::data {
namespace {

std::size_t byte_count(std::int64_t bytes) { return static_cast<std::size_t>(bytes); }

void mirror_pixels(const std::uint8_t* in, std::int64_t width, std::int64_t channels, std::uint8_t* out) {
  if (channels == 1) {
    std::reverse_copy(in, in + width, out);
    return;
  }
  for (std::int64_t x = width - 1; x >= 0; --x) out = std::copy_n(in + x * channels, channels, out);
}

/// A row of pixels through the tables; `step` floats from one pixel to the next, `plane` from one channel to the next.
void look_up_row(const std::uint8_t* in, std::int64_t width, const ValueTables& tables, float* out, std::int64_t step,
                 std::int64_t plane) {
  const auto channels = static_cast<std::int64_t>(tables.size());
  if (channels == 3) {
    const float *red = tables[0].data(), *green = tables[1].data(), *blue = tables[2].data();
    for (std::int64_t x = 0; x < width; ++x, in += 3, out += step) {
      out[0] = red[in[0]];
      out[plane] = green[in[1]];
      out[2 * plane] = blue[in[2]];
    }
    return;
  }
  for (std::int64_t x = 0; x < width; ++x, out += step) {
    for (std::int64_t c = 0; c < channels; ++c) out[c * plane] = tables[static_cast<std::size_t>(c)][*in++];
  }
}

}  // namespace

WindowReader::WindowReader(const Window& window, std::int64_t channels)
    : WindowReader(window, channels, 1, WeightSteps::Pillow) {}

WindowReader::WindowReader(const Window& window, std::int64_t channels, int reduction, WeightSteps steps)
    : rows_(make_taps(window.rows(reduction), window.interpolation(), steps)),
      columns_(make_taps(window.columns(reduction), window.interpolation(), steps)),
      channels_(channels),
      mirrored_(window.mirrored()),
      upturned_(window.upturned()),
      padded_(window.padded()),
      needed_{rows_.begin(), columns_.begin(), rows_.end() - rows_.begin(), columns_.end() - columns_.begin()},
      shown_(window.shown()),
      height_(window.height()),
      width_(window.width()),
      fill_(window.fill()) {
  const std::int64_t width = columns_.size();
  lines_ = {nullptr, needed_.height, width, channels_, (width * channels_ + 31) / 32 * 32 + kRowSlack};
}

void WindowReader::take(std::int64_t top, std::int64_t left, const ImageView& rows) {
  if (lines_.pixels == nullptr) lines_.pixels = memory_.reserve(byte_count(needed_.height * lines_.stride));
  const std::int64_t begin = std::max(top, needed_.top);
  const std::int64_t end = std::min(top + rows.height, needed_.top + needed_.height);
  if (begin >= end) return;
  ImageView part = rows;
  part.pixels = rows.row(begin - top);
  part.height = end - begin;
  std::uint8_t* out = memory_.data() + (begin - needed_.top) * lines_.stride;
  if (!columns_.copies) {
    resample_kernels().along(part, left, columns_, out, lines_.stride);
    return;
  }
  const std::int64_t offset = (needed_.left - left) * channels_, bytes = needed_.width * channels_;
  for (std::int64_t y = 0; y < part.height; ++y, out += lines_.stride) {
    std::memcpy(out, part.row(y) + offset, byte_count(bytes));
  }
}

void WindowReader::take_all(const ImageView& image) {
  if (!rows_.copies || !columns_.copies) return take(0, 0, image);
  lines_.pixels = image.row(needed_.top) + needed_.left * channels_;
  lines_.stride = image.stride;
}

const std::uint8_t* WindowReader::output_row(std::int64_t y, std::uint8_t* memory) const {
  MLRUN_ASSERT(lines_.pixels != nullptr, "a window of no rows");
  if (rows_.copies) return lines_.row(y);
  resample_kernels().across(lines_, needed_.top, rows_, y, memory);
  return memory;
}

std::uint8_t WindowReader::fill(std::int64_t c) const { return fill_[static_cast<std::size_t>(c) % fill_.size()]; }

torch::Tensor WindowReader::bytes() {
  const std::int64_t width = shown_.width, row_bytes = width_ * channels_;
  auto result = torch::empty({height_, width_, channels_}, torch::kUInt8);
  auto* const begin = result.data_ptr<std::uint8_t>();
  if (padded_) {
    for (std::int64_t i = 0; i < row_bytes; ++i) begin[i] = fill(i % channels_);
    for (std::int64_t y = 1; y < height_; ++y) std::memcpy(begin + y * row_bytes, begin, byte_count(row_bytes));
  }
  Scratch row(byte_count(width * channels_ + 2 * kRowSlack));
  for (std::int64_t y = 0; y < shown_.height; ++y) {
    const std::uint8_t* in = output_row(y, row.data());
    std::uint8_t* out = begin + place(y) * row_bytes + shown_.left * channels_;
    if (mirrored_) mirror_pixels(in, width, channels_, out);
    else std::memcpy(out, in, byte_count(width * channels_));
  }
  return result;
}

void WindowReader::floats(const ValueTables& tables, const torch::Tensor& out) {
  MLRUN_ASSERT(
      channels_ == static_cast<std::int64_t>(tables.size()),
      "an image has " + std::to_string(channels_) + " channels, not the announced " + std::to_string(tables.size()));
  MLRUN_ASSERT(out.dim() == 3 && out.size(0) == channels_ && out.size(1) == height_ && out.size(2) == width_ &&
                   out.scalar_type() == torch::kFloat32,
               "memory of another shape than the window");
  for (std::int64_t c = 0; padded_ && c < channels_; ++c) {
    out.select(0, c).fill_(tables[static_cast<std::size_t>(c)][fill(c)]);
  }
  const std::int64_t width = shown_.width, step = out.stride(2);
  Scratch row(byte_count(width * channels_ + 2 * kRowSlack));
  for (std::int64_t y = 0; y < shown_.height; ++y) {
    const std::uint8_t* in = output_row(y, row.data());
    float* to = out.data_ptr<float>() + place(y) * out.stride(1) + shown_.left * step;
    if (mirrored_) look_up_row(in, width, tables, to + (width - 1) * step, -step, out.stride(0));
    else look_up_row(in, width, tables, to, step, out.stride(0));
  }
}

}  // namespace mlrun::data
