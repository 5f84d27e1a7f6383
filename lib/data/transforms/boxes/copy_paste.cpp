#include "data/transforms/boxes/copy_paste.h"

#include <algorithm>
#include <set>
#include <utility>

#include <torch/utils.h>

#include "base/error.h"
#include "data/image/reader.h"
#include "data/transforms/image_transforms.h"

namespace mlrun::data {
namespace {

class CopyPaste : public Transform {
 public:
  explicit CopyPaste(const CopyPasteOptions& options)
      : options_(options), interpolation_(interpolation_of(options.interpolation)) {}

  torch::Tensor apply(const torch::Tensor&, KeyedRandom&) const override {
    throw UserError("simple_copy_paste takes other samples, and a single image has none",
                    "leave it out of data.preprocess");
  }

  Places places() const override { return Places::Joined; }

  void apply_to(Scene& scene, const Surroundings& around, KeyedRandom& random) const override {
    if (!random.chance(options_.p)) return;
    Scene other = around.others.draw(random);
    const Followers& followers = around.followers;
    const std::string masks = followers.masks_of(other.targets);
    if (masks.empty() || followers.boxes_of(other.targets).empty()) {
      throw UserError("simple_copy_paste needs masks of things", "set data.masks: true");
    }
    const std::int64_t count = other.targets.tensor(masks).size(0);
    if (count == 0) return;
    std::set<std::int64_t> drawn;
    for (std::int64_t i = 0; i < count; ++i) {
      drawn.insert(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(count))));
    }
    fit(other, scene.image.size(0), scene.image.size(1), followers);
    const std::vector<std::int64_t> rows(drawn.begin(), drawn.end());
    paste(scene, other, torch::tensor(rows, torch::kLong), options_.blending, followers);
  }

 private:
  void fit(Scene& scene, std::int64_t height, std::int64_t width, const Followers& followers) const {
    if (scene.image.size(0) == height && scene.image.size(1) == width) return;
    Window window(scene.image.size(0), scene.image.size(1));
    const bool resized = window.resize(height, width, interpolation_);
    MLRUN_ASSERT(resized, "a whole image can be resized");
    followers.follow(window, scene.targets);
    scene.image = ImageReader(scene.image).bytes(window);
  }

  CopyPasteOptions options_;
  Interpolation interpolation_;
};

/// Boxes around masks uint8 [N, H, W], none of them empty: float [N, 4]; the last pixel's place is the side, as
/// torchvision's masks_to_boxes has it.
torch::Tensor boxes_around(const torch::Tensor& masks) {
  torch::Tensor boxes = torch::empty({masks.size(0), 4});
  for (std::int64_t i = 0; i < masks.size(0); ++i) {
    const torch::Tensor rows = masks[i].amax(1).nonzero(), columns = masks[i].amax(0).nonzero();
    boxes[i][0] = columns.min();
    boxes[i][1] = rows.min();
    boxes[i][2] = columns.max();
    boxes[i][3] = rows.max();
  }
  return boxes;
}

/// Pixels with one of `covered`, bool [H, W], at most two rows and columns off.
torch::Tensor widened(const torch::Tensor& covered) {
  return at::max_pool2d(covered.to(torch::kFloat).unsqueeze(0), {5, 5}, {1, 1}, {2, 2}).squeeze(0).gt(0);
}

}  // namespace

void paste(Scene& scene, const Scene& other, const torch::Tensor& chosen, bool blending, const Followers& followers) {
  Fields pasted = other.targets;
  torch::Tensor kept = torch::zeros({other.targets.tensor(followers.masks_of(other.targets)).size(0)}, torch::kBool);
  followers.keep(pasted, kept.index_fill_(0, chosen, true));
  const std::string masks = followers.masks_of(scene.targets), boxes = followers.boxes_of(scene.targets);
  torch::Tensor cover = pasted.tensor(masks).gt(0).any(0);
  if (blending) cover = widened(cover);
  scene.image = torch::where(cover.unsqueeze(2), other.image, scene.image).contiguous();
  scene.targets.set(masks, scene.targets.tensor(masks) * cover.logical_not().to(torch::kByte));
  followers.keep(scene.targets, scene.targets.tensor(masks).flatten(1).any(1));
  scene.targets.set(boxes, boxes_around(scene.targets.tensor(masks)));
  const Box whole{0, 0, scene.image.size(0), scene.image.size(1)};
  scene.targets = followers.join({scene.targets, pasted}, {whole, whole});
  followers.keep_shown(scene.targets);
}

void CopyPasteOptions::declare(config::Declare<CopyPasteOptions>& d) {
  d("p", &CopyPasteOptions::p, "probability that an image takes from another").min(0).max(1);
  d("blending", &CopyPasteOptions::blending,
    "take two more pixels around what is pasted, as the references' blurring comes to");
  d("interpolation", &CopyPasteOptions::interpolation, "how the other image is resized where sizes differ")
      .choices(interpolation_names());
}

std::unique_ptr<Transform> make_copy_paste(const CopyPasteOptions& options, const TransformContext&) {
  return std::make_unique<CopyPaste>(options);
}

}  // namespace mlrun::data
