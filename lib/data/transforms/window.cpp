#include "data/transforms/window.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace mlrun::data {
namespace {

/// One axis of a window: `length` pixels of an image from `start`, made `to`, of which `count` from `begin` are kept.
Axis reduced_axis(std::int64_t image, std::int64_t start, std::int64_t length, std::int64_t to, int reduction) {
  Axis axis;
  axis.start = static_cast<double>(start) / reduction;
  axis.length = static_cast<double>(length) / reduction;
  axis.first = start / reduction;
  axis.end = std::min((start + length + reduction - 1) / reduction, (image + reduction - 1) / reduction);
  axis.to = to;
  return axis;
}

}  // namespace

void Window::crop(const Box& box) {
  MLRUN_ASSERT(box.top >= 0 && box.left >= 0 && box.height > 0 && box.width > 0 &&
                   box.top + box.height <= kept_.height && box.left + box.width <= kept_.width,
               "a crop must lie inside its image");
  kept_.top += upturned_ ? kept_.height - box.top - box.height : box.top;
  kept_.left += mirrored_ ? kept_.width - box.left - box.width : box.left;
  kept_.height = box.height;
  kept_.width = box.width;
}

bool Window::resize(std::int64_t height, std::int64_t width, Interpolation interpolation) {
  if (height == kept_.height && width == kept_.width) return true;
  if (is_resized_ || mirrored_ || upturned_) return false;
  part_ = kept_;
  resized_ = kept_ = {0, 0, height, width};
  interpolation_ = interpolation;
  return is_resized_ = true;
}

bool Window::crop_and_resize(const Box& box, std::int64_t height, std::int64_t width, Interpolation interpolation) {
  Window changed = *this;
  changed.crop(box);
  if (!changed.resize(height, width, interpolation)) return false;
  *this = changed;
  return true;
}

int Window::reduction() const {
  if (!is_resized_) return 1;
  for (const int reduction : {8, 4, 2}) {
    if (part_.height >= reduction * resized_.height && part_.width >= reduction * resized_.width) return reduction;
  }
  return 1;
}

Axis Window::rows(int reduction) const {
  Axis axis = reduced_axis(image_.height, part_.top, part_.height, resized_.height, reduction);
  axis.begin = kept_.top, axis.count = kept_.height;
  return axis;
}

Axis Window::columns(int reduction) const {
  Axis axis = reduced_axis(image_.width, part_.left, part_.width, resized_.width, reduction);
  axis.begin = kept_.left, axis.count = kept_.width;
  return axis;
}

}  // namespace mlrun::data
