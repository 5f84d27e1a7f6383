#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "data/fields.h"
#include "data/image/affine.h"
#include "data/transforms/window.h"

namespace mlrun::data {

/// An affine map of an image onto itself: `matrix` leads from a point of the result to one of the image.
struct Warp {
  AffineMatrix matrix{};
  std::int64_t height = 0, width = 0;
};

/// How a target keeps to its place in an image that is moved: boxes, masks, keypoints. It knows no transform, and no
/// transform knows it. Nothing is dropped, so that rows of several targets stay together.
class Follower {
 public:
  virtual ~Follower() = default;
  /// True of what has pixels, as masks: it moves once for all steps that make one window, as the image does. Others
  /// move with each step, as torchvision rounds them.
  virtual bool has_pixels() const { return false; }
  /// Whether `value` has a row for each thing in the image.
  virtual bool has_rows(const torch::Tensor& value) const = 0;
  /// True of what is a box for each thing.
  virtual bool is_boxes() const { return false; }
  /// What is wrong with `value` beside an image of this size; empty where nothing is.
  virtual std::string problem(const torch::Tensor& value, std::int64_t height, std::int64_t width) const = 0;
  virtual torch::Tensor follow(const Window& window, const torch::Tensor& value) const = 0;
  virtual torch::Tensor follow(const Warp& warp, const torch::Tensor& value) const = 0;
  /// Values of several images that become one, each followed there and shown in its region.
  virtual torch::Tensor join(const std::vector<torch::Tensor>& parts, const std::vector<Box>& regions) const;
};

/// Boxes [N, 4] (left, top, right, bottom in pixels, floats), clipped to what is shown of the image. One that left it
/// has no area: see `has_area`.
std::shared_ptr<const Follower> follow_boxes();
/// Labels of pixels, [H, W] or one mask for each of N things [N, H, W], of any type; nearest pixels, and `fill` where
/// the image has none.
std::shared_ptr<const Follower> follow_masks(std::int64_t fill);
/// Keypoints [..., K, 3] (x, y, visible; floats). One that is not visible, or left what is shown, is (0, 0, 0).
/// Mirroring exchanges those of each pair (left and right eye).
std::shared_ptr<const Follower> follow_keypoints(std::vector<std::pair<std::int64_t, std::int64_t>> pairs);
/// A row for each thing, without a place (classes): stays, and is joined.
std::shared_ptr<const Follower> follow_rows();

/// Which fields of a task's targets follow the image, and how. What a sample lacks is passed over.
class Followers {
 public:
  using Item = std::pair<std::string, std::shared_ptr<const Follower>>;
  enum class Kind { Points, Pixels };

  Followers() = default;
  Followers(std::initializer_list<Item> items) : items_(items) {}

  bool empty() const { return items_.empty(); }
  /// UserError that names `sample` and the field where a target does not fit its image.
  void check(const Fields& targets, std::int64_t height, std::int64_t width, const std::string& sample) const;
  /// Those of one kind.
  void follow(const Window& window, Fields& targets, Kind kind) const;
  void follow(const Window& window, Fields& targets) const;
  void follow(const Warp& warp, Fields& targets) const;
  /// Names of the fields that are boxes and masks of things; empty where there are none.
  std::string boxes_of(const Fields& targets) const;
  std::string masks_of(const Fields& targets) const;
  /// Keeps the rows of things that `kept`, bool [N], says.
  void keep(Fields& targets, const torch::Tensor& kept) const;
  /// Keeps the things whose boxes have some area: those of which something is shown.
  void keep_shown(Fields& targets) const;
  /// The targets of several images that become one, each followed there; fields without a follower are the first's.
  Fields join(const std::vector<Fields>& parts, const std::vector<Box>& regions) const;

 private:
  std::vector<Item> items_;
};

/// Which of the boxes [N, 4] have sides of at least `least` pixels, and some area: bool [N].
torch::Tensor has_area(const torch::Tensor& boxes, double least = 0);
/// Keeps of each named field that is there the rows that `kept`, bool [N], says.
void keep_rows(Fields& targets, const std::vector<std::string>& names, const torch::Tensor& kept);

}  // namespace mlrun::data
