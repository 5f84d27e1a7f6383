#include "data/transforms/presets.h"

#include <algorithm>

#include "data/transforms/augmix.h"
#include "data/transforms/auto_augment.h"
#include "data/transforms/crop_transforms.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/rand_augment.h"
#include "data/transforms/random_erasing.h"

namespace mlrun::data {
namespace {

/// The statistics that the model was published with, where they are of as many channels.
NormalizeOptions preset_statistics(const TransformContext& context) {
  const auto fits = [&](const std::vector<double>& values) {
    return values.size() == static_cast<std::size_t>(context.channels);
  };
  NormalizeOptions options = imagenet_statistics(context.channels);
  if (fits(context.mean) && fits(context.deviation)) options.mean = context.mean, options.deviation = context.deviation;
  return options;
}

std::vector<std::int64_t> size_or_default(const std::optional<std::int64_t>& size) {
  return size ? std::vector<std::int64_t>{*size} : std::vector<std::int64_t>{};
}

std::vector<std::string> auto_augment_choices() {
  std::vector<std::string> names = {"ra", "ta_wide", "augmix"};
  const auto& policies = auto_augment_policies();
  names.insert(names.end(), policies.begin(), policies.end());
  return names;
}

/// `interpolation` stands for all that moves pixels; AugMix works on tensors, which have no bicubic one.
std::unique_ptr<Transform> make_automatic(const ClassificationTrainOptions& train, const std::string& interpolation,
                                          const TransformContext& context) {
  const std::string& name = *train.auto_augment;
  if (name == "ra") {
    RandAugmentOptions options;
    options.interpolation = interpolation;
    options.magnitude = train.ra_magnitude;
    return make_rand_augment(options, context);
  }
  if (name == "ta_wide") {
    TrivialAugmentWideOptions options;
    options.interpolation = interpolation;
    return make_trivial_augment_wide(options, context);
  }
  if (name == "augmix") {
    AugMixOptions options;
    options.interpolation = interpolation == "bicubic" ? "bilinear" : interpolation;
    options.severity = train.augmix_severity;
    return make_augmix(options, context);
  }
  AutoAugmentOptions options;
  options.policy = name;
  options.interpolation = interpolation;
  return make_auto_augment(options, context);
}

TransformList make_train(const ClassificationTrainOptions& options, const TransformContext& context) {
  RandomResizedCropOptions crop;
  crop.size = size_or_default(options.crop_size);
  crop.interpolation = options.interpolation.value_or(context.interpolation);
  TransformList list;
  list.push_back(make_random_resized_crop(crop, context));
  list.push_back(make_horizontal_flip({options.hflip_prob}));
  if (options.auto_augment) list.push_back(make_automatic(options, crop.interpolation, context));
  list.push_back(make_normalize(preset_statistics(context), context));
  if (options.random_erase > 0) {
    RandomErasingOptions erasing;
    erasing.p = options.random_erase;
    list.push_back(make_random_erasing(erasing, context));
  }
  return list;
}

TransformList make_eval(const ClassificationEvalOptions& options, const TransformContext& context) {
  ResizeOptions resize;
  resize.size = size_or_default(options.resize_size);
  resize.interpolation = options.interpolation.value_or(context.interpolation);
  TransformList list;
  list.push_back(make_resize(resize, context));
  list.push_back(make_center_crop({size_or_default(options.crop_size)}, context));
  list.push_back(make_normalize(preset_statistics(context), context));
  return list;
}

template <class Options>
void declare_shared(config::Declare<Options>& d) {
  d("crop_size", &Options::crop_size, "height and width of the result; null: what the model was published with")
      .min(1)
      .unit("pixels");
  d("interpolation", &Options::interpolation,
    "how pixels are interpolated wherever they are; null: what the model was published with")
      .choices(interpolation_names());
}

}  // namespace

void ClassificationTrainOptions::declare(config::Declare<ClassificationTrainOptions>& d) {
  declare_shared(d);
  d("hflip_prob", &ClassificationTrainOptions::hflip_prob, "probability of a horizontal flip").min(0).max(1);
  d("auto_augment", &ClassificationTrainOptions::auto_augment,
    "rand_augment (ra), trivial_augment_wide, augmix, or auto_augment by the name of its policy; null: none")
      .choices(auto_augment_choices());
  d("ra_magnitude", &ClassificationTrainOptions::ra_magnitude, "magnitude of rand_augment, of 31").min(0).max(30);
  d("augmix_severity", &ClassificationTrainOptions::augmix_severity, "severity of augmix").min(1).max(10);
  d("random_erase", &ClassificationTrainOptions::random_erase, "probability of random_erasing").min(0).max(1);
}

void ClassificationEvalOptions::declare(config::Declare<ClassificationEvalOptions>& d) {
  declare_shared(d);
  d("resize_size", &ClassificationEvalOptions::resize_size,
    "shorter side before the crop; null: what the model was published with")
      .min(1)
      .unit("pixels");
}

void add_presets(TransformFactory& factory) {
  using config::NoOptions;
  factory.add<ClassificationTrainOptions>(
      "classification_train",
      "preset: random_resized_crop, random_horizontal_flip, normalize, as the model was published; more by its options",
      make_train);
  factory.add<ClassificationEvalOptions>(
      "classification_eval", "preset: resize, center_crop, normalize, as the model was published", make_eval);
  factory.add<NoOptions>("none", "preset: nothing but the scaling of values to 0..1",
                         [](const NoOptions&, const TransformContext&) { return TransformList(); });
}

}  // namespace mlrun::data
