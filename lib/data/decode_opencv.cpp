#include <memory>

#include <torch/torch.h>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>

#include "base/error.h"
#include "data/decode.h"
#include "data/image_head.h"

namespace mlrun::data {
namespace {

constexpr std::int64_t kMostPixels = std::int64_t{1} << 28;

/// OpenCV reports to stderr what we report with the file's name.
void quieten_opencv() {
  static const bool done = [] {
    cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
    cv::redirectError([](int, const char*, const char*, const char*, int, void*) { return 0; });
    return true;
  }();
  (void)done;
}

cv::Mat decode(std::string_view bytes, const std::string& name, bool apply_exif) {
  const cv::Mat encoded(1, static_cast<int>(bytes.size()), CV_8UC1, const_cast<char*>(bytes.data()));
  const int mode = apply_exif ? cv::IMREAD_COLOR : cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION;
  try {
    return cv::imdecode(encoded, mode);
  } catch (const cv::Exception& error) {
    throw file_error(name, "the image cannot be decoded: " + error.err, "mend or remove it");
  }
}

void swap_red_and_blue(std::uint8_t* values, std::int64_t pixels) {
  for (std::uint8_t* end = values + 3 * pixels; values != end; values += 3) std::swap(values[0], values[2]);
}

}  // namespace

torch::Tensor decode_image(std::string_view bytes, const std::string& name, bool apply_exif) {
  quieten_opencv();
  const ImageHead head = read_image_head(bytes);
  if (head.truncated) throw file_error(name, "the image is cut short", "mend or remove it");
  // Sizes are compared by division: a header can hold anything.
  if (head.width > 0 && head.height > kMostPixels / head.width) {
    throw file_error(
        name, "the image is too large: " + std::to_string(head.width) + " x " + std::to_string(head.height) + " pixels",
        "make it smaller than 2^28 pixels");
  }
  if (bytes.empty()) throw file_error(name, "the file is empty", "mend or remove it");
  if (bytes.size() > INT32_MAX) throw file_error(name, "the file is larger than 2 GiB", "make it smaller");
  cv::Mat image = decode(bytes, name, apply_exif);
  if (image.empty()) throw file_error(name, "is not an image that can be decoded", "mend or remove it");
  MLRUN_ASSERT(image.type() == CV_8UC3 && image.isContinuous(), "OpenCV gave an image of another kind");
  swap_red_and_blue(image.data, std::int64_t{image.rows} * image.cols);
  return torch::from_blob(
      image.data, {image.rows, image.cols, 3}, [image](void*) {}, torch::kByte);
}

}  // namespace mlrun::data
