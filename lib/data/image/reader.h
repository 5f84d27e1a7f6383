#pragma once

#include <memory>

#include <torch/types.h>

#include "data/image/encoded_image.h"
#include "data/window_reader.h"

namespace mlrun::data {

class JpegFile;

/// An image of which windows are taken: one in memory, or a file of which no more is decoded than a
/// window needs.
class ImageReader {
 public:
  /// uint8 [H, W, C].
  explicit ImageReader(torch::Tensor image);
  /// With `scaled`, a JPEG may be decoded at 1/2, 1/4 or 1/8 for windows that shrink it at least as much, and is
  /// decoded no further than the window.
  /// UserError where the file's head is broken; what else is broken is found when a window is taken.
  explicit ImageReader(EncodedImage file, bool scaled = false);
  ImageReader(ImageReader&&) noexcept;
  ImageReader& operator=(ImageReader&&) noexcept;
  ~ImageReader();

  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }

  /// Makes all pixels of the window; a file can be read once.
  WindowReader read(const Window& window);
  /// The window, uint8 [H, W, C]; of the image itself the tensor it was made of, where it is one.
  torch::Tensor bytes(const Window& window);

 private:
  EncodedImage file_;
  std::unique_ptr<JpegFile> jpeg_;  // of file_
  torch::Tensor image_;             // where there is no jpeg_
  bool scaled_ = false;
  std::int64_t height_ = 0, width_ = 0;
};

}  // namespace mlrun::data
