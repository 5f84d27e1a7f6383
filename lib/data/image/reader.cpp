#include "data/image/reader.h"

#include <utility>

#include "data/image/decode.h"
#include "data/image/decode_jpeg.h"
#include "data/image/exif.h"
#include "data/image/resize.h"

namespace mlrun::data {
namespace {

bool turned(const EncodedImage& file) { return file.apply_exif && exif_orientation(*file.bytes) != 1; }

}  // namespace

#ifndef MLRUN_WITH_JPEG
class JpegFile {};  // all images are decoded whole
#endif

ImageReader::ImageReader(torch::Tensor image)
    : image_(std::move(image)), height_(image_.size(0)), width_(image_.size(1)) {}

ImageReader::ImageReader(EncodedImage file, bool scaled) : file_(std::move(file)), scaled_(scaled) {
#ifdef MLRUN_WITH_JPEG
  if (is_jpeg(*file_.bytes) && !turned(file_)) {
    jpeg_ = std::make_unique<JpegFile>(*file_.bytes, file_.name);
    height_ = jpeg_->height(), width_ = jpeg_->width();
    return;
  }
#endif
  image_ = decode_image(*file_.bytes, file_.name, file_.apply_exif);
  height_ = image_.size(0), width_ = image_.size(1);
}

ImageReader::ImageReader(ImageReader&&) noexcept = default;
ImageReader& ImageReader::operator=(ImageReader&&) noexcept = default;
ImageReader::~ImageReader() = default;

WindowReader ImageReader::read(const Window& window) {
#ifdef MLRUN_WITH_JPEG
  if (jpeg_) {
    const int reduction = scaled_ ? window.reduction() : 1;
    WindowReader reader(window, 3, reduction, scaled_ ? WeightSteps::Coarse : WeightSteps::Pillow);
    const auto take = [&](std::int64_t top, std::int64_t left, const ImageView& rows) { reader.take(top, left, rows); };
    jpeg_->read(reader.needed(), reduction, take, !scaled_);
    return reader;
  }
#endif
  const ImageView view = view_of(image_);
  WindowReader reader(window, view.channels);
  reader.take_all(view);
  return reader;
}

torch::Tensor ImageReader::bytes(const Window& window) {
  if (!jpeg_ && window.trivial()) return image_;
  return read(window).bytes();
}

}  // namespace mlrun::data
