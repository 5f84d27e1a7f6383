#include "recipes/classification/presets.h"

#include <algorithm>

#include "data/transforms/augmix.h"
#include "data/transforms/auto_augment.h"
#include "data/transforms/crop_transforms.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/rand_augment.h"
#include "data/transforms/random_erasing.h"

namespace mlrun::classification {
namespace {

std::vector<std::int64_t> size_or_default(const std::optional<std::int64_t>& size) {
  return size ? std::vector<std::int64_t>{*size} : std::vector<std::int64_t>{};
}

std::vector<std::string> auto_augment_choices() {
  std::vector<std::string> names = {"ra", "ta_wide", "augmix"};
  const auto& policies = data::auto_augment_policies();
  names.insert(names.end(), policies.begin(), policies.end());
  return names;
}

/// `interpolation` stands for all that moves pixels; AugMix works on tensors, which have no bicubic one.
std::unique_ptr<data::Transform> make_automatic(const TrainPreset& train, const std::string& interpolation,
                                                const data::TransformContext& context) {
  const std::string& name = *train.auto_augment;
  if (name == "ra") {
    data::RandAugmentOptions options;
    options.interpolation = interpolation;
    options.magnitude = train.ra_magnitude;
    return data::make_rand_augment(options, context);
  }
  if (name == "ta_wide") {
    data::TrivialAugmentWideOptions options;
    options.interpolation = interpolation;
    return data::make_trivial_augment_wide(options, context);
  }
  if (name == "augmix") {
    data::AugMixOptions options;
    options.interpolation = interpolation == "bicubic" ? "bilinear" : interpolation;
    options.severity = train.augmix_severity;
    return data::make_augmix(options, context);
  }
  data::AutoAugmentOptions options;
  options.policy = name;
  options.interpolation = interpolation;
  return data::make_auto_augment(options, context);
}

data::TransformList make_train(const TrainPreset& options, const data::TransformContext& context) {
  data::RandomResizedCropOptions crop;
  crop.size = size_or_default(options.crop_size);
  crop.interpolation = options.interpolation.value_or(context.interpolation);
  data::TransformList list;
  list.push_back(data::make_random_resized_crop(crop, context));
  list.push_back(data::make_horizontal_flip({options.hflip_prob}));
  if (options.auto_augment) list.push_back(make_automatic(options, crop.interpolation, context));
  list.push_back(data::make_normalize(data::published_statistics(context), context));
  if (options.random_erase > 0) {
    data::RandomErasingOptions erasing;
    erasing.p = options.random_erase;
    list.push_back(data::make_random_erasing(erasing, context));
  }
  return list;
}

data::TransformList make_eval(const EvalPreset& options, const data::TransformContext& context) {
  data::ResizeOptions resize;
  resize.size = size_or_default(options.resize_size);
  resize.interpolation = options.interpolation.value_or(context.interpolation);
  data::TransformList list;
  list.push_back(data::make_resize(resize, context));
  list.push_back(data::make_center_crop({size_or_default(options.crop_size)}, context));
  list.push_back(data::make_normalize(data::published_statistics(context), context));
  return list;
}

template <class Options>
void declare_shared(config::Declare<Options>& d) {
  d("crop_size", &Options::crop_size, "height and width of the result; null: what the model was published with")
      .min(1)
      .unit("pixels");
  d("interpolation", &Options::interpolation,
    "how pixels are interpolated wherever they are; null: what the model was published with")
      .choices(data::interpolation_names());
}

}  // namespace

void TrainPreset::declare(config::Declare<TrainPreset>& d) {
  declare_shared(d);
  d("hflip_prob", &TrainPreset::hflip_prob, "probability of a horizontal flip").min(0).max(1);
  d("auto_augment", &TrainPreset::auto_augment,
    "rand_augment (ra), trivial_augment_wide, augmix, or auto_augment by the name of its policy; null: none")
      .choices(auto_augment_choices());
  d("ra_magnitude", &TrainPreset::ra_magnitude, "magnitude of rand_augment, of 31").min(0).max(30);
  d("augmix_severity", &TrainPreset::augmix_severity, "severity of augmix").min(1).max(10);
  d("random_erase", &TrainPreset::random_erase, "probability of random_erasing").min(0).max(1);
}

void EvalPreset::declare(config::Declare<EvalPreset>& d) {
  declare_shared(d);
  d("resize_size", &EvalPreset::resize_size, "shorter side before the crop; null: what the model was published with")
      .min(1)
      .unit("pixels");
}

void add_presets(data::TransformFactory& factory) {
  factory.add<TrainPreset>(
      "classification_train",
      "preset: random_resized_crop, random_horizontal_flip, normalize, as the model was published; more by its options",
      make_train);
  factory.add<EvalPreset>("classification_eval", "preset: resize, center_crop, normalize, as the model was published",
                          make_eval);
}

}  // namespace mlrun::classification
