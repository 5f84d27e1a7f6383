#pragma once

#include <cstdint>

#include "data/image/view.h"
#include "data/taps.h"

namespace mlrun::data {

/// What transforms ask of an image before a pixel of it is read: a rectangle of a resized part of it,
/// mirrored or not. Each call adds a step to those before it, in the order of a list of transforms.
class Window {
 public:
  /// The whole of an image, as it is.
  Window(std::int64_t height, std::int64_t width)
      : image_{0, 0, height, width}, part_(image_), resized_(image_), kept_(image_) {}

  /// Of the result.
  std::int64_t height() const { return kept_.height; }
  std::int64_t width() const { return kept_.width; }

  /// The rectangle `box`, which must lie inside.
  void crop(const Box& box);
  /// Makes it another size. False, and nothing changed, where that cannot be added: only an image that is
  /// neither resized nor mirrored yet can be.
  [[nodiscard]] bool resize(std::int64_t height, std::int64_t width, Interpolation interpolation);
  /// Both, or neither.
  [[nodiscard]] bool crop_and_resize(const Box& box, std::int64_t height, std::int64_t width,
                                     Interpolation interpolation);
  void mirror() { mirrored_ = !mirrored_; }  ///< left and right
  void upturn() { upturned_ = !upturned_; }  ///< top and bottom

  bool mirrored() const { return mirrored_; }
  bool upturned() const { return upturned_; }
  Interpolation interpolation() const { return interpolation_; }
  /// True where the result is the image itself.
  bool trivial() const { return kept_ == image_ && resized_ == image_ && !mirrored_ && !upturned_; }

  /// The largest of 8, 4, 2 and 1 by which the image may be reduced before, so that the part that is
  /// resized keeps at least as many rows and columns as it becomes.
  int reduction() const;
  /// What is read of the rows and of the columns of the image reduced by `reduction`: both sides
  /// divided, rounded up.
  Axis rows(int reduction = 1) const;
  Axis columns(int reduction = 1) const;

 private:
  Box image_;    ///< at 0, 0
  Box part_;     ///< of the image, that is resized
  Box resized_;  ///< the size that the part becomes, at 0, 0
  Box kept_;     ///< of the resized part; mirroring comes after
  Interpolation interpolation_ = Interpolation::Nearest;
  bool is_resized_ = false, mirrored_ = false, upturned_ = false;
};

}  // namespace mlrun::data
