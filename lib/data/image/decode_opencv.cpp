#ifdef MLRUN_WITH_OPENCV

#include <algorithm>
#include <memory>

#include <torch/types.h>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>

#include "base/error.h"
#include "data/image/decode.h"
#include "data/image/layout.h"

namespace mlrun::data {
namespace {

constexpr const char* kMend = "mend or remove it";

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
    throw file_error(name, "the image cannot be decoded: " + error.err, kMend);
  }
  if (image.empty()) throw file_error(name, "is not an image that can be decoded", kMend);
  return image;
}

/// Makes RGB of every pixel of an image of `type`; `make` gets a pixel in OpenCV's order and where its three go.
template <class Pixel, class Make>
torch::Tensor convert_pixels(const cv::Mat& image, int type, const std::string& name, Make make) {
  if (image.type() != type) throw file_error(name, "the image has pixels of another kind than its head says", kMend);
  auto rgb = torch::empty({image.rows, image.cols, 3}, torch::kByte);
  std::uint8_t* out = rgb.data_ptr<std::uint8_t>();
  for (int y = 0; y < image.rows; ++y) {
    const auto* row = image.ptr<Pixel>(y);
    for (int x = 0; x < image.cols; ++x, out += 3) make(row[x], out);
  }
  return rgb;
}

/// Pillow keeps 16 bits of grey and clips them when it makes them RGB; OpenCV would scale them.
torch::Tensor decode_deep_grey(std::string_view bytes, const std::string& name) {
  const cv::Mat image = decode(bytes, name, cv::IMREAD_GRAYSCALE | cv::IMREAD_ANYDEPTH);
  bool clipped = false;
  auto rgb = convert_pixels<std::uint16_t>(image, CV_16UC1, name, [&](std::uint16_t grey, std::uint8_t* out) {
    clipped = clipped || grey > 255;
    out[0] = out[1] = out[2] = static_cast<std::uint8_t>(grey > 255 ? 255 : grey);
  });
  if (clipped) tell_clipped_grey(name);
  return rgb;
}

torch::Tensor decode_deep_colour(std::string_view bytes, const std::string& name) {
  const cv::Mat image = decode(bytes, name, cv::IMREAD_UNCHANGED);
  const auto take = [](const auto& bgr, std::uint8_t* out) {
    for (int c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>(bgr[2 - c] >> 8);
  };
  if (image.channels() == 4) return convert_pixels<cv::Vec4w>(image, CV_16UC4, name, take);
  return convert_pixels<cv::Vec3w>(image, CV_16UC3, name, take);
}

/// a * b / 255, rounded as Pillow does.
int share(int a, int b) {
  const int product = a * b + 128;
  return ((product >> 8) + product) >> 8;
}

/// The inks lie where red, green, blue and opacity would.
torch::Tensor decode_inks(std::string_view bytes, const std::string& name) {
  const cv::Mat image = decode(bytes, name, cv::IMREAD_UNCHANGED);
  return convert_pixels<cv::Vec4b>(image, CV_8UC4, name, [](const cv::Vec4b& inks, std::uint8_t* out) {
    const int light = 255 - inks[3];
    for (int c = 0; c < 3; ++c) out[c] = static_cast<std::uint8_t>(std::max(0, light - share(inks[2 - c], light)));
  });
}

/// Divides colours by their opacity, as Pillow does.
torch::Tensor decode_premultiplied(std::string_view bytes, const std::string& name) {
  const cv::Mat image = decode(bytes, name, cv::IMREAD_UNCHANGED);
  return convert_pixels<cv::Vec4b>(image, CV_8UC4, name, [](const cv::Vec4b& bgra, std::uint8_t* out) {
    const int opacity = bgra[3];
    for (int c = 0; c < 3; ++c) {
      out[c] = static_cast<std::uint8_t>(opacity == 0 ? 0 : std::min(255, 255 * bgra[2 - c] / opacity));
    }
  });
}

/// OpenCV fills the lower bits of 5 or 6 with zeros; Pillow stretches them to 0 .. 255.
torch::Tensor decode_few_bits(std::string_view bytes, const std::string& name, int bits_of_green) {
  const cv::Mat image = decode(bytes, name, cv::IMREAD_COLOR);
  return convert_pixels<cv::Vec3b>(image, CV_8UC3, name, [&](const cv::Vec3b& bgr, std::uint8_t* out) {
    for (int c = 0; c < 3; ++c) {
      const int bits = c == 1 ? bits_of_green : 5;
      out[c] = static_cast<std::uint8_t>((bgr[2 - c] >> (8 - bits)) * 255 / ((1 << bits) - 1));
    }
  });
}

void swap_red_and_blue(std::uint8_t* values, std::int64_t pixels) {
  for (std::uint8_t* end = values + 3 * pixels; values != end; values += 3) std::swap(values[0], values[2]);
}

torch::Tensor decode_plain(std::string_view bytes, const std::string& name) {
  cv::Mat image = decode(bytes, name, cv::IMREAD_COLOR);
  MLRUN_ASSERT(image.type() == CV_8UC3 && image.isContinuous(), "OpenCV gave an image of another kind");
  swap_red_and_blue(image.data, std::int64_t{image.rows} * image.cols);
  return torch::from_blob(
      image.data, {image.rows, image.cols, 3}, [image](void*) {}, torch::kByte);
}

torch::Tensor decode_stored(StoredPixels pixels, std::string_view bytes, const std::string& name) {
  switch (pixels) {
    case StoredPixels::DeepGrey: return decode_deep_grey(bytes, name);
    case StoredPixels::DeepColour: return decode_deep_colour(bytes, name);
    case StoredPixels::Cmyk: return decode_inks(bytes, name);
    case StoredPixels::Premultiplied: return decode_premultiplied(bytes, name);
    case StoredPixels::FiveBits: return decode_few_bits(bytes, name, 5);
    case StoredPixels::FiveSixFiveBits: return decode_few_bits(bytes, name, 6);
    case StoredPixels::Plain: break;
  }
  return decode_plain(bytes, name);
}

}  // namespace

torch::Tensor decode_other(std::string_view bytes, const std::string& name) {
  quieten_opencv();
  const ImageLayout layout = layout_of(bytes, name);
  const torch::Tensor image =
      decode_stored(layout.pixels, layout.bytes.empty() ? bytes : std::string_view(layout.bytes), name);
  return orient(image, layout.orientation);
}

}  // namespace mlrun::data

#endif
