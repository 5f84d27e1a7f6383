#include "data/transforms/boxes/iou_crop.h"

#include <algorithm>

#include <torch/utils.h>

#include "base/error.h"
#include "data/image/reader.h"
#include "data/transforms/sizes.h"

namespace mlrun::data {
namespace {

class IouCrop : public Transform {
 public:
  explicit IouCrop(const IouCropOptions& options) : options_(options) {}

  torch::Tensor apply(const torch::Tensor&, KeyedRandom&) const override {
    throw UserError("random_iou_crop looks at boxes, and these images have none", "leave it out");
  }

  Places places() const override { return Places::Moved; }

  void apply_to(Scene& scene, const Surroundings& around, KeyedRandom& random) const override {
    const std::string field = around.followers.boxes_of(scene.targets);
    if (field.empty()) throw UserError("random_iou_crop looks at boxes, and these images have none", "leave it out");
    const torch::Tensor boxes = scene.targets.tensor(field).to(torch::kFloat).contiguous();
    if (boxes.size(0) == 0) return;
    const std::int64_t height = scene.image.size(0), width = scene.image.size(1);
    while (true) {
      const double least = options_.sampler_options[random.below(options_.sampler_options.size())];
      if (least >= 1) return;
      for (std::int64_t trial = 0; trial < options_.trials; ++trial) {
        const auto crop = drawn_crop(height, width, options_, draw(random));
        const auto kept = crop ? boxes_in(boxes, *crop, least) : std::nullopt;
        if (!kept) continue;
        around.followers.keep(scene.targets, *kept);
        cut(scene, *crop, around.followers);
        return;
      }
    }
  }

  void describe(Json& facts) const override { facts.erase("input_size"); }

 private:
  static CropDraw draw(KeyedRandom& random) {
    CropDraw draw;
    for (float* of : {&draw.width, &draw.height, &draw.left, &draw.top}) *of = static_cast<float>(random.uniform());
    return draw;
  }

  static void cut(Scene& scene, const Box& crop, const Followers& followers) {
    Window window(scene.image.size(0), scene.image.size(1));
    window.crop(crop);
    followers.follow(window, scene.targets);
    scene.image = ImageReader(scene.image).bytes(window);
  }

  IouCropOptions options_;
};

}  // namespace

std::optional<Box> drawn_crop(std::int64_t height, std::int64_t width, const IouCropOptions& options,
                              const CropDraw& draw) {
  const auto low = static_cast<float>(options.min_scale);
  const auto more = static_cast<float>(options.max_scale - options.min_scale);
  const auto part = [](std::int64_t length, float of) {
    return static_cast<std::int64_t>(static_cast<float>(length) * of);
  };
  Box crop{0, 0, part(height, low + more * draw.height), part(width, low + more * draw.width)};
  if (crop.height == 0 || crop.width == 0) return {};
  const double ratio = static_cast<double>(crop.width) / static_cast<double>(crop.height);
  if (ratio < options.min_aspect_ratio || ratio > options.max_aspect_ratio) return {};
  crop.left = part(width - crop.width, draw.left);
  crop.top = part(height - crop.height, draw.top);
  return crop;
}

std::optional<torch::Tensor> boxes_in(const torch::Tensor& boxes, const Box& crop, double least) {
  const auto left = static_cast<float>(crop.left), top = static_cast<float>(crop.top);
  const auto right = static_cast<float>(crop.left + crop.width), bottom = static_cast<float>(crop.top + crop.height);
  torch::Tensor inside = torch::empty({boxes.size(0)}, torch::kBool);
  const auto* box = boxes.data_ptr<float>();
  float best = -1;
  for (std::int64_t i = 0; i < boxes.size(0); ++i, box += 4) {
    const float x = 0.5F * (box[0] + box[2]), y = 0.5F * (box[1] + box[3]);
    const bool in = left < x && x < right && top < y && y < bottom;
    inside.data_ptr<bool>()[i] = in;
    if (!in) continue;
    const float across = std::max(std::min(box[2], right) - std::max(box[0], left), 0.0F);
    const float down = std::max(std::min(box[3], bottom) - std::max(box[1], top), 0.0F);
    const float both = across * down;
    const float area = (box[2] - box[0]) * (box[3] - box[1]), whole = (right - left) * (bottom - top);
    best = std::max(best, both / (area + whole - both));
  }
  return best < 0 || static_cast<double>(best) < least ? std::nullopt : std::optional(inside);
}

void IouCropOptions::declare(config::Declare<IouCropOptions>& d) {
  using O = IouCropOptions;
  d("min_scale", &O::min_scale, "least share of the image's width and height").above(0).max(1);
  d("max_scale", &O::max_scale, "largest share of them").above(0).max(1);
  d("min_aspect_ratio", &O::min_aspect_ratio, "least width by height of the part").above(0);
  d("max_aspect_ratio", &O::max_aspect_ratio, "largest width by height").above(0);
  d("sampler_options", &O::sampler_options,
    "IoUs of which one is drawn, the least that the part and some box must have; from 1 on the image stays as it is, "
    "and "
    "one such option is needed")
      .min(0);
  d("trials", &O::trials, "how often a part is drawn before another option is").min(1).max(1000);
  d.rule("max_scale",
         [](const O& o) -> std::string { return o.max_scale < o.min_scale ? "must not be below min_scale" : ""; });
  d.rule("max_aspect_ratio", [](const O& o) -> std::string {
    return o.max_aspect_ratio < o.min_aspect_ratio ? "must not be below min_aspect_ratio" : "";
  });
  d.rule("sampler_options", [](const O& o) -> std::string {
    const bool ends =
        std::any_of(o.sampler_options.begin(), o.sampler_options.end(), [](double at) { return at >= 1; });
    return ends ? "" : "needs an option of 1 (the image as it is), for not every image has another";
  });
}

std::unique_ptr<Transform> make_iou_crop(const IouCropOptions& options, const TransformContext&) {
  return std::make_unique<IouCrop>(options);
}

}  // namespace mlrun::data
