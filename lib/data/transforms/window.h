#pragma once

#include <cstdint>

#include "data/image/gather.h"
#include "data/image/view.h"
#include "data/taps.h"

namespace mlrun::data {

/// How points move along one axis: what is left of them less `start`, times `ratio`, less `offset`; on a mirrored axis
/// their distance from `length`.
struct PointMove {
  std::int64_t start = 0;
  double ratio = 1;
  std::int64_t offset = 0, length = 0;
  bool mirrored = false;
};

/// What transforms ask of an image before a pixel of it is read: a rectangle of a resized part of it, with a margin
/// where the rectangle reaches outside, mirrored or not. Each call adds a step to those before it, in the order of a
/// list of transforms.
class Window {
 public:
  /// The whole of an image, as it is.
  Window(std::int64_t height, std::int64_t width)
      : image_{0, 0, height, width}, part_(image_), resized_(image_), kept_(image_), canvas_(image_) {}

  /// Of the result.
  std::int64_t height() const { return canvas_.height; }
  std::int64_t width() const { return canvas_.width; }

  /// The rectangle `box`, which must lie inside.
  void crop(const Box& box);
  /// The rectangle `box`, which may reach outside and has `fill` there. False, and nothing changed, where there is
  /// other fill already.
  [[nodiscard]] bool frame(const Box& box, const Fill& fill);
  /// Makes it another size. False, and nothing changed, where that cannot be added: only an image that is
  /// neither resized nor mirrored yet, and has no fill, can be.
  [[nodiscard]] bool resize(std::int64_t height, std::int64_t width, Interpolation interpolation);
  /// Both, or neither.
  [[nodiscard]] bool crop_and_resize(const Box& box, std::int64_t height, std::int64_t width,
                                     Interpolation interpolation);
  void mirror() { mirrored_ = !mirrored_; }  ///< left and right
  void upturn() { upturned_ = !upturned_; }  ///< top and bottom
  /// All that `next`, a window of this one's result, does. False, and nothing changed, where that cannot be added.
  [[nodiscard]] bool then(const Window& next);

  bool mirrored() const { return mirrored_; }
  bool upturned() const { return upturned_; }
  Interpolation interpolation() const { return interpolation_; }
  /// True where the result is the image itself.
  bool trivial() const {
    return part_ == image_ && resized_ == image_ && kept_ == image_ && canvas_ == image_ && !mirrored_ && !upturned_ &&
           !blank_;
  }
  /// True where some of the result is `fill`, and none of the image.
  bool padded() const { return blank_ || !(canvas_ == kept_); }
  const Fill& fill() const { return fill_; }
  /// Where in the result the image's pixels lie; of no height and width where there are none.
  Box shown() const;

  /// The largest of 8, 4, 2 and 1 by which the image may be reduced before, so that the part that is
  /// resized keeps at least as many rows and columns as it becomes.
  int reduction() const;
  /// What is read of the rows and of the columns of the image reduced by `reduction`: both sides
  /// divided, rounded up. They become the rows and columns of `shown`; one where that has none.
  Axis rows(int reduction = 1) const;
  Axis columns(int reduction = 1) const;

  /// What each row and column of the result shows of the image where it is resampled to the nearest.
  Positions nearest_rows() const;
  Positions nearest_columns() const;
  /// Where points of the image come to lie, along the columns (y) and along the rows (x).
  PointMove down() const {
    return point_move(part_.top, part_.height, resized_.height, canvas_.top, height(), upturned_);
  }
  PointMove across() const {
    return point_move(part_.left, part_.width, resized_.width, canvas_.left, width(), mirrored_);
  }

 private:
  /// A rectangle of the result as it lies on the resized part.
  Box placed(const Box& box) const;
  static PointMove point_move(std::int64_t start, std::int64_t from, std::int64_t to, std::int64_t offset,
                              std::int64_t length, bool mirrored);

  Box image_;    ///< at 0, 0
  Box part_;     ///< of the image, that is resized
  Box resized_;  ///< the size that the part becomes, at 0, 0
  Box kept_;     ///< of the resized part: what is shown; some pixel where it is blank
  Box canvas_;   ///< the result before it is mirrored, by its place on the resized part; holds what is kept
  Fill fill_;    ///< of the rest
  Interpolation interpolation_ = Interpolation::Nearest;
  bool is_resized_ = false, mirrored_ = false, upturned_ = false;
  bool blank_ = false;  ///< it shows nothing of the image
};

}  // namespace mlrun::data
