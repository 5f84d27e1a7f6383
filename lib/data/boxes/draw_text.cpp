#include "data/boxes/draw_text.h"

#ifdef MLRUN_WITH_OPENCV

#include <algorithm>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace mlrun::data {

std::string drawable(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x80 && byte < 0xC0) continue;  // continues a character of UTF-8
    result += byte >= 0x20 && byte < 0x7F ? c : '?';
  }
  return result;
}

void draw_label(const torch::Tensor& image, const std::string& text, std::int64_t left, std::int64_t top,
                std::int64_t line, const Colour& colour) {
  const double scale = 0.32 + 0.08 * static_cast<double>(line);
  cv::Mat sheet(static_cast<int>(image.size(0)), static_cast<int>(image.size(1)), CV_8UC3, image.data_ptr());
  const std::string letters = drawable(text);
  int below = 0;
  const cv::Size size = cv::getTextSize(letters, cv::FONT_HERSHEY_SIMPLEX, scale, 1, &below);
  const int height = size.height + below + 2, width = size.width + 4;
  if (height > sheet.rows || height * 3 > sheet.cols) return;
  const auto place = [](std::int64_t at, int most) {
    return static_cast<int>(std::clamp<std::int64_t>(at, 0, std::max(most, 0)));
  };
  const int x = place(left, sheet.cols - width);
  const int y = place(top - height < 0 ? top : top - height, sheet.rows - height);
  cv::rectangle(sheet, cv::Rect(x, y, std::min(width, sheet.cols - x), height),
                cv::Scalar(colour[0], colour[1], colour[2]), cv::FILLED);
  const bool light = colour[0] * 299 + colour[1] * 587 + colour[2] * 114 > 128 * 1000;
  cv::putText(sheet, letters, {x + 2, y + size.height + 1}, cv::FONT_HERSHEY_SIMPLEX, scale,
              cv::Scalar::all(light ? 0 : 255), 1, cv::LINE_AA);
}

}  // namespace mlrun::data

#else

namespace mlrun::data {

void draw_label(const torch::Tensor&, const std::string&, std::int64_t, std::int64_t, std::int64_t, const Colour&) {}

}  // namespace mlrun::data

#endif
