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

/// What both have in common; of no height or width where that is nothing.
Box overlap(const Box& a, const Box& b) {
  Box box{std::max(a.top, b.top), std::max(a.left, b.left), 0, 0};
  box.height = std::max<std::int64_t>(std::min(a.top + a.height, b.top + b.height) - box.top, 0);
  box.width = std::max<std::int64_t>(std::min(a.left + a.width, b.left + b.width) - box.left, 0);
  return box;
}

bool is_inside(const Box& box, std::int64_t height, std::int64_t width) {
  return box.top >= 0 && box.left >= 0 && box.top + box.height <= height && box.left + box.width <= width;
}

/// The positions that `axis` reads for the nearest pixel, as `count` of `length` from `begin` on.
Positions nearest_positions(const Axis& axis, std::int64_t begin, std::int64_t count, std::int64_t length,
                            bool mirrored) {
  Positions positions(static_cast<std::size_t>(length), kNowhere);
  const Taps taps = make_taps(axis, Interpolation::Nearest);
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t place = begin + (mirrored ? count - 1 - i : i);
    positions[static_cast<std::size_t>(place)] = taps.first[static_cast<std::size_t>(i)];
  }
  return positions;
}

}  // namespace

Box Window::placed(const Box& box) const {
  Box place = box;
  place.top = canvas_.top + (upturned_ ? canvas_.height - box.top - box.height : box.top);
  place.left = canvas_.left + (mirrored_ ? canvas_.width - box.left - box.width : box.left);
  return place;
}

void Window::crop(const Box& box) {
  MLRUN_ASSERT(box.height > 0 && box.width > 0 && is_inside(box, height(), width()),
               "a crop must lie inside its image");
  const bool framed = frame(box, fill_);
  MLRUN_ASSERT(framed, "a crop needs no other fill");
}

bool Window::frame(const Box& box, const Fill& fill) {
  MLRUN_ASSERT(box.height > 0 && box.width > 0, "a frame must have pixels");
  const bool grows = !is_inside(box, height(), width());
  if (grows && padded() && fill != fill_) return false;
  if (grows) fill_ = fill;
  canvas_ = placed(box);
  const Box kept = overlap(kept_, canvas_);
  blank_ = blank_ || kept.height == 0 || kept.width == 0;
  kept_ = blank_ ? Box{kept_.top, kept_.left, 1, 1} : kept;
  return true;
}

bool Window::resize(std::int64_t height, std::int64_t width, Interpolation interpolation) {
  if (height == canvas_.height && width == canvas_.width) return true;
  if (is_resized_ || mirrored_ || upturned_ || padded()) return false;
  part_ = kept_;
  resized_ = kept_ = canvas_ = {0, 0, height, width};
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

bool Window::then(const Window& next) {
  MLRUN_ASSERT(next.image_.height == height() && next.image_.width == width(), "a window of another image");
  Window changed = *this;
  changed.crop(next.part_);
  if (!changed.resize(next.resized_.height, next.resized_.width, next.interpolation_)) return false;
  changed.crop(next.kept_);
  const Box& canvas = next.canvas_;
  const Box around{canvas.top - next.kept_.top, canvas.left - next.kept_.left, canvas.height, canvas.width};
  if (next.padded() && !changed.frame(around, next.fill_)) return false;
  changed.blank_ = changed.blank_ || next.blank_;
  if (next.mirrored_) changed.mirror();
  if (next.upturned_) changed.upturn();
  *this = changed;
  return true;
}

Box Window::shown() const {
  if (blank_) return {};
  Box box{kept_.top - canvas_.top, kept_.left - canvas_.left, kept_.height, kept_.width};
  if (upturned_) box.top = canvas_.height - box.top - box.height;
  if (mirrored_) box.left = canvas_.width - box.left - box.width;
  return box;
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

Positions Window::nearest_rows() const {
  const Box box = shown();
  return nearest_positions(rows(), box.top, box.height, height(), upturned_);
}

Positions Window::nearest_columns() const {
  const Box box = shown();
  return nearest_positions(columns(), box.left, box.width, width(), mirrored_);
}

PointMove Window::point_move(std::int64_t start, std::int64_t from, std::int64_t to, std::int64_t offset,
                             std::int64_t length, bool mirrored) {
  return {start, static_cast<double>(to) / static_cast<double>(from), offset, length, mirrored};
}

}  // namespace mlrun::data
