#include <algorithm>
#include <opencv2/imgproc.hpp>

#include "data/image/draw_boxes.h"

namespace mlrun::data {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX, kMargin = 2;

/// Black or white, whichever is seen better.
cv::Scalar ink_on(const Colour& ground) {
  const double light = 0.299 * ground[0] + 0.587 * ground[1] + 0.114 * ground[2];
  return light > 140 ? cv::Scalar(0, 0, 0) : cv::Scalar(255, 255, 255);
}

}  // namespace

void draw_caption(const torch::Tensor& image, const std::string& text, std::int64_t x, std::int64_t y, double scale,
                  const Colour& ground) {
  cv::Mat pixels(static_cast<int>(image.size(0)), static_cast<int>(image.size(1)), CV_8UC3,
                 image.data_ptr<std::uint8_t>());
  int below = 0;
  const cv::Size size = cv::getTextSize(text, kFont, scale, 1, &below);
  const int height = size.height + below + 2 * kMargin, width = size.width + 2 * kMargin;
  const int left = std::clamp(static_cast<int>(x), 0, std::max(0, pixels.cols - width));
  const int top = y >= height ? static_cast<int>(y) - height : std::max(0, static_cast<int>(y));
  cv::rectangle(pixels, cv::Rect(left, top, width, height), cv::Scalar(ground[0], ground[1], ground[2]), cv::FILLED);
  cv::putText(pixels, text, cv::Point(left + kMargin, top + kMargin + size.height), kFont, scale, ink_on(ground), 1,
              cv::LINE_AA);
}

}  // namespace mlrun::data
