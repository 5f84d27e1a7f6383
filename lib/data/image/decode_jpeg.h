#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "data/image/view.h"

namespace mlrun::data {

struct JpegReader;

/// True where the bytes begin as a JPEG file does.
bool is_jpeg(std::string_view bytes);

/// Gives the memory for `height` x `width` x 3 bytes; called once, when the sizes have been checked.
using PixelMemory = std::function<std::uint8_t*(std::int64_t height, std::int64_t width)>;

/// Decodes a JPEG file by libjpeg to RGB rows with the bits of Pillow 9.4.0's `convert("RGB")`: grey
/// is repeated, CMYK and YCCK are taken to be inverted as Adobe writes them. UserError that names
/// `name` where Pillow refuses the file: bytes missing, broken segments, 12 bits a sample, 2 or more
/// than 4 components; for images beyond 2^28 pixels, more pixels than the bytes can hold and over
/// 1000 scans; and for corrupt image data (bad codes, missing parts), which Pillow steps over and fills
/// with made-up pixels. Prints nothing.
void decode_jpeg(std::string_view bytes, const std::string& name, const PixelMemory& memory);

/// Is given rows of RGB pixels: those of the image from row `top` and column `left` on.
using TakeRows = std::function<void(std::int64_t top, std::int64_t left, const ImageView& rows)>;

/// A JPEG file of which a part is wanted. Its head is read at once, the rest by `read`. Errors are
/// those of `decode_jpeg`, for the whole file whatever part is wanted.
class JpegFile {
 public:
  /// The bytes must stay until it is gone.
  JpegFile(std::string_view bytes, const std::string& name);
  ~JpegFile();
  JpegFile(const JpegFile&) = delete;
  JpegFile& operator=(const JpegFile&) = delete;

  std::int64_t height() const;
  std::int64_t width() const;

  /// Gives `take` all rows of `part` from top to bottom, a few at a time and with at least the columns
  /// of `part`: the same bits as those of the whole image. `part` is in pixels of the image reduced by
  /// `reduction` (1, 2, 4 or 8; sides divided, rounded up), which libjpeg does while it decodes. Without
  /// `to_end`, a file that ends in an end-of-image marker is decoded no further than the part, so that
  /// errors below it are not found. To be called once.
  void read(const Box& part, int reduction, const TakeRows& take, bool to_end = true);

 private:
  std::unique_ptr<JpegReader> reader_;
  std::string name_;
};

}  // namespace mlrun::data
