#include "recipes/segmentation/presets.h"

#include <optional>

#include "data/transforms/image_transforms.h"
#include "data/transforms/random_crop.h"
#include "data/transforms/random_resize.h"

namespace mlrun::segmentation {
namespace {

struct TrainPreset {
  std::optional<std::int64_t> base_size;
  std::int64_t crop_size = 480;
  double hflip_prob = 0.5;

  static void declare(config::Declare<TrainPreset>& d) {
    d("base_size", &TrainPreset::base_size,
      "the shorter side is drawn from half of it to twice as much; null: what the model was published with")
        .min(1)
        .unit("pixels");
    d("crop_size", &TrainPreset::crop_size, "height and width of the result").min(1).unit("pixels");
    d("hflip_prob", &TrainPreset::hflip_prob, "probability of a horizontal flip").min(0).max(1);
  }
};

struct EvalPreset {
  std::optional<std::int64_t> base_size;

  static void declare(config::Declare<EvalPreset>& d) {
    d("base_size", &EvalPreset::base_size, "shorter side of the result; null: what the model was published with")
        .min(1)
        .unit("pixels");
  }
};

data::TransformList make_train(const TrainPreset& options, const data::TransformContext& context) {
  const auto base = static_cast<double>(options.base_size.value_or(context.resize_size));
  data::RandomResizeOptions resize;
  resize.min_size = static_cast<std::int64_t>(0.5 * base);
  resize.max_size = static_cast<std::int64_t>(2.0 * base);
  data::RandomCropOptions crop;
  crop.size = {options.crop_size};
  crop.pad_if_smaller = true;
  data::TransformList list;
  list.push_back(data::make_random_resize(resize, context));
  if (options.hflip_prob > 0) list.push_back(data::make_horizontal_flip({options.hflip_prob}));
  list.push_back(data::make_random_crop(crop, context));
  list.push_back(data::make_normalize(data::published_statistics(context), context));
  return list;
}

data::TransformList make_eval(const EvalPreset& options, const data::TransformContext& context) {
  data::ResizeOptions resize;
  resize.size = {options.base_size.value_or(context.resize_size)};
  data::TransformList list;
  list.push_back(data::make_resize(resize, context));
  list.push_back(data::make_normalize(data::published_statistics(context), context));
  return list;
}

}  // namespace

void add_presets(data::TransformFactory& factory) {
  factory.add<TrainPreset>("segmentation_train",
                           "preset: random_resize, random_horizontal_flip, random_crop, normalize, as torchvision's "
                           "references",
                           make_train);
  factory.add<EvalPreset>("segmentation_eval", "preset: resize, normalize, as torchvision's references", make_eval);
}

}  // namespace mlrun::segmentation
