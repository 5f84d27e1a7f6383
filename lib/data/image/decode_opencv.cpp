#ifdef MLRUN_WITH_OPENCV

#include <memory>

#include <torch/torch.h>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>

#include "base/error.h"
#include "data/image/decode.h"
#include "data/image/head.h"

namespace mlrun::data {
namespace {

/// OpenCV reports to stderr what we report with the file's name.
void quieten_opencv() {
  static const bool done = [] {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    cv::redirectError([](int, const char*, const char*, const char*, int, void*) { return 0; });
    return true;
  }();
  (void)done;
}

cv::Mat decode(std::string_view bytes, const std::string& name, int mode) {
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  cv::Mat image;
  try {
    image = cv::imdecode(encoded, mode | cv::IMREAD_IGNORE_ORIENTATION);
  } catch (const cv::Exception& error) {
    if (error.code == cv::Error::StsNoMem) throw std::bad_alloc();
    throw file_error(name, "the image cannot be decoded: " + error.err, "mend or remove it");
  }
  if (image.empty()) throw file_error(name, "is not an image that can be decoded", "mend or remove it");
  return image;
}

/// Pillow keeps 16 bits of grey and clips them when it makes them RGB; OpenCV would scale them.
torch::Tensor decode_deep_grey(std::string_view bytes, const std::string& name) {
  const cv::Mat image = decode(bytes, name, cv::IMREAD_GRAYSCALE | cv::IMREAD_ANYDEPTH);
  MLRUN_ASSERT(image.type() == CV_16UC1, "OpenCV gave an image of another kind");
  auto rgb = torch::empty({image.rows, image.cols, 3}, torch::kByte);
  std::uint8_t* out = rgb.data_ptr<std::uint8_t>();
  for (int y = 0; y < image.rows; ++y) {
    const auto* row = image.ptr<std::uint16_t>(y);
    for (int x = 0; x < image.cols; ++x, out += 3) {
      out[0] = out[1] = out[2] = static_cast<std::uint8_t>(row[x] > 255 ? 255 : row[x]);
    }
  }
  return rgb;
}

void swap_red_and_blue(std::uint8_t* values, std::int64_t pixels) {
  for (std::uint8_t* end = values + 3 * pixels; values != end; values += 3) std::swap(values[0], values[2]);
}

}  // namespace

torch::Tensor decode_other(std::string_view bytes, const std::string& name) {
  quieten_opencv();
  if (read_image_head(bytes).deep_grey) return decode_deep_grey(bytes, name);
  cv::Mat image = decode(bytes, name, cv::IMREAD_COLOR);
  MLRUN_ASSERT(image.type() == CV_8UC3 && image.isContinuous(), "OpenCV gave an image of another kind");
  swap_red_and_blue(image.data, std::int64_t{image.rows} * image.cols);
  return torch::from_blob(
      image.data, {image.rows, image.cols, 3}, [image](void*) {}, torch::kByte);
}

}  // namespace mlrun::data

#endif
