#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "data/image/scratch.h"
#include "data/image/view.h"
#include "data/transforms/window.h"

namespace mlrun::data {

/// What each of the 256 values of each channel becomes.
using ValueTables = std::vector<std::array<float, 256>>;

/// Computes a window of an image from the image's rows: Pillow's bits where `steps` are, and no work for pixels that
/// are outside the window. Rows are resampled along themselves as they come, then across.
class WindowReader {
 public:
  WindowReader(const Window& window, std::int64_t channels);
  /// Of an image of `channels`, reduced by `reduction` (Window::rows).
  WindowReader(const Window& window, std::int64_t channels, int reduction, WeightSteps steps);

  /// The rectangle of the (reduced) image that is read.
  const Box& needed() const { return needed_; }

  /// Rows of the image from row `top` and column `left` on. All of `needed` must come, from top to bottom.
  void take(std::int64_t top, std::int64_t left, const ImageView& rows);
  /// The whole image, which must stay until the result is made.
  void take_all(const ImageView& image);

  /// The window, uint8 [H, W, C], its fill where it has a margin.
  torch::Tensor bytes();
  /// The window's values through `tables` into `out`, float32 [C, H, W] of any strides.
  void floats(const ValueTables& tables, const torch::Tensor& out);

 private:
  const std::uint8_t* output_row(std::int64_t y, std::uint8_t* memory) const;
  /// Where row `y` of the window comes to lie.
  std::int64_t place(std::int64_t y) const { return shown_.top + (upturned_ ? shown_.height - 1 - y : y); }
  /// The window's fill for channel `c`.
  std::uint8_t fill(std::int64_t c) const;

  Taps rows_, columns_;
  std::int64_t channels_;
  bool mirrored_, upturned_, padded_;
  Box needed_;
  Box shown_;                    // where of the window the image lies
  std::int64_t height_, width_;  // of the window
  Fill fill_;
  Scratch memory_;   // of the rows resampled along themselves
  ImageView lines_;  // these rows; the first is needed_.top
};

}  // namespace mlrun::data
