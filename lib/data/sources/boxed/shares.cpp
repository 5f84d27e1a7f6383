#include "data/sources/boxed/box_check.h"

namespace mlrun::data {

void to_pixels(BoxedImage& image) {
  const auto width = static_cast<double>(image.width), height = static_cast<double>(image.height);
  for (auto& object : image.objects) {
    auto& box = object.box;
    box = {box[0] * width, box[1] * height, box[2] * width, box[3] * height};
    for (auto corners : object.shares) {
      for (std::size_t i = 0; i < corners.size(); ++i) corners[i] *= i % 2 == 0 ? width : height;
      if (auto outline = outline_of(corners)) object.outlines.push_back(std::move(*outline));
    }
    object.shares.clear();
    for (std::size_t i = 0; i + 2 < object.keypoints.size(); i += 3) {
      object.keypoints[i] *= width;
      object.keypoints[i + 1] *= height;
    }
  }
  image.in_shares = false;
}

}  // namespace mlrun::data
