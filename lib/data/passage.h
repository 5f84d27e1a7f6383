#pragma once

#include <string>

#include "data/image/reader.h"
#include "data/transforms/follower.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

/// An image with targets on its way through transforms. What a window can say waits: the image and its masks are
/// read once for all steps of one window, boxes and points move with each.
class Passage {
 public:
  /// UserError that names `sample` where a target does not fit the image.
  Passage(ImageReader image, Fields targets, const Followers& followers, const std::string& sample);

  /// Does what `transform`, one that keeps bytes, does with the numbers that `key` gives it for `purpose`.
  void take(const Transform& transform, const SampleKey& key, const std::string& purpose, const Others& others);
  /// What all that came before has made.
  Scene scene();

  /// What waits: a window of an image, which masks will follow.
  ImageReader& image() { return image_; }
  const Window& window() const { return window_; }
  /// Targets that followed all of it.
  Fields targets();

 private:
  void settle(Scene scene);

  const Followers& followers_;
  ImageReader image_;
  Window window_;  // of image_, and of the masks in targets_
  Fields targets_;
};

}  // namespace mlrun::data
