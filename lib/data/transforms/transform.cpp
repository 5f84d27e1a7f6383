#include "data/transforms/transform.h"

#include "base/error.h"
#include "data/transforms/augmix.h"
#include "data/transforms/auto_augment.h"
#include "data/transforms/boxes/copy_paste.h"
#include "data/transforms/boxes/fixed_size_crop.h"
#include "data/transforms/boxes/iou_crop.h"
#include "data/transforms/boxes/photometric_distort.h"
#include "data/transforms/boxes/random_shortest_size.h"
#include "data/transforms/boxes/zoom_out.h"
#include "data/transforms/color_jitter.h"
#include "data/transforms/crop_transforms.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/mosaic.h"
#include "data/transforms/rand_augment.h"
#include "data/transforms/random_crop.h"
#include "data/transforms/random_erasing.h"
#include "data/transforms/random_resize.h"
#include "data/transforms/random_rotation.h"

namespace mlrun::data {
namespace {

template <class... Items>
TransformList list_of(Items... items) {
  TransformList list;
  (list.push_back(std::move(items)), ...);
  return list;
}

/// Adds a transform made by `make(options, context)`.
template <class Options, class Make>
void add(TransformFactory& factory, std::string name, std::string description, Make make) {
  factory.add<Options>(
      std::move(name), std::move(description),
      [make](const Options& options, const TransformContext& context) { return list_of(make(options, context)); });
}

}  // namespace

void add_transforms(TransformFactory& factory) {
  add<ResizeOptions>(factory, "resize", "to a given shorter side or to a given height and width", make_resize);
  add<RandomResizeOptions>(factory, "random_resize", "to a shorter side drawn for each image", make_random_resize);
  add<ScaleJitterOptions>(factory, "scale_jitter", "to a random share of what fits into a given size",
                          make_scale_jitter);
  add<CenterCropOptions>(factory, "center_crop", "the middle; a smaller image is padded with 0", make_center_crop);
  add<RandomCropOptions>(factory, "random_crop", "a random part of fixed size, with padding", make_random_crop);
  add<RandomResizedCropOptions>(factory, "random_resized_crop",
                                "a random part of random area and ratio, resized to a fixed size",
                                make_random_resized_crop);
  add<FlipOptions>(factory, "random_horizontal_flip", "left and right exchanged, with a probability",
                   [](const FlipOptions& options, const TransformContext&) { return make_horizontal_flip(options); });
  add<FlipOptions>(factory, "random_vertical_flip", "top and bottom exchanged, with a probability",
                   [](const FlipOptions& options, const TransformContext&) { return make_vertical_flip(options); });
  add<RotationOptions>(factory, "random_rotation", "turned around the middle by a random angle", make_random_rotation);
  add<MosaicOptions>(factory, "mosaic", "four samples around a random point, each resized to fit a quarter",
                     make_mosaic);
  add<CopyPasteOptions>(factory, "simple_copy_paste", "things with masks, pasted from another sample", make_copy_paste);
  add<PhotometricDistortOptions>(factory, "random_photometric_distort",
                                 "brightness, contrast, saturation, hue and the order of channels, each with a chance",
                                 make_photometric_distort);
  add<ZoomOutOptions>(factory, "random_zoom_out", "the image somewhere on a larger canvas", make_zoom_out);
  add<IouCropOptions>(factory, "random_iou_crop", "a random part that overlaps some box by a drawn IoU", make_iou_crop);
  add<FixedSizeCropOptions>(factory, "fixed_size_crop",
                            "a random part of fixed size, padded where the image is smaller", make_fixed_size_crop);
  add<RandomShortestSizeOptions>(factory, "random_shortest_size",
                                 "to a shorter side of those listed, within a longest one", make_random_shortest_size);
  add<GrayscaleOptions>(factory, "grayscale", "luma alone; with 3 output channels, grey images for a colour model",
                        make_grayscale);
  add<ColorJitterOptions>(factory, "color_jitter", "brightness, contrast, saturation and hue by random factors",
                          make_color_jitter);
  add<AutoAugmentOptions>(factory, "auto_augment", "one of 25 sub-policies of two operators (AutoAugment)",
                          make_auto_augment);
  add<RandAugmentOptions>(factory, "rand_augment", "random operators of one magnitude (RandAugment)",
                          make_rand_augment);
  add<TrivialAugmentWideOptions>(factory, "trivial_augment_wide",
                                 "one random operator of random magnitude (TrivialAugment)", make_trivial_augment_wide);
  add<AugMixOptions>(factory, "augmix", "the image mixed with chains of random operators (AugMix)", make_augmix);
  add<NormalizeOptions>(factory, "normalize", "(x / 255 - mean) / std as floats; comes last", make_normalize);
  add<RandomErasingOptions>(factory, "random_erasing", "a random rectangle erased; follows normalize",
                            make_random_erasing);
  factory.add<config::NoOptions>("none", "preset: nothing but the scaling of values to 0..1",
                                 [](const config::NoOptions&, const TransformContext&) { return TransformList(); });
}

namespace {

/// Transforms of one component; what is wrong with it is reported at `place`.
TransformList make_at(const TransformFactory& factory, const config::Component& component,
                      const TransformContext& context, const std::string& place) {
  try {
    return factory.make(component, context);
  } catch (const UserError& error) {
    auto problems = error.problems();
    for (auto& problem : problems) problem.key = problem.key.empty() ? place : place + "." + problem.key;
    throw UserError(std::move(problems));
  }
}

[[noreturn]] void fail_after_normalize(const std::string& name, const std::string& before, const std::string& place) {
  Problem problem;
  problem.key = place;
  problem.message = "'" + name + "' follows '" + before + "', which normalizes and so comes last";
  if (name == before) problem.hint = "remove one of them";
  else if (before == "normalize") problem.hint = "move '" + name + "' before it";
  else problem.hint = "replace the preset '" + before + "' by a list of single transforms";
  throw UserError(problem);
}

[[noreturn]] void fail_before_normalize(const std::string& name, const std::string& place) {
  Problem problem;
  problem.key = place;
  problem.message = "'" + name + "' works on normalized images";
  problem.hint = "put it after 'normalize'";
  throw UserError(problem);
}

}  // namespace

Pipeline::Pipeline(const TransformFactory& factory, const std::vector<config::Component>& list,
                   const TransformContext& context, const std::string& key, Followers followers)
    : followers_(std::move(followers)),
      channels_(context.channels),
      channels_last_(context.channels_last),
      scaled_decoding_(context.scaled_decoding) {
  std::string converter;  // the component that makes floats
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = key + "." + std::to_string(i);
    TransformContext here = context;
    here.channels = channels_;
    for (auto& transform : make_at(factory, list[i], here, place)) {
      if (!converter.empty() && !transform->follows_normalize()) fail_after_normalize(list[i].name, converter, place);
      if (converter.empty() && transform->follows_normalize()) fail_before_normalize(list[i].name, place);
      check_places(*transform, list[i].name, place);
      if (transform->converts() && converter.empty()) converter = list[i].name;
      append(std::move(transform));
    }
  }
  if (!converter.empty()) return;
  TransformContext last = context;
  last.channels = channels_;
  append(make_normalize({{0.0}, {1.0}}, last));
}

void Pipeline::check_places(const Transform& transform, const std::string& name, const std::string& place) const {
  Problem problem;
  problem.key = place;
  if (followers_.empty() && transform.places() == Places::Joined) {
    problem.message = "'" + name + "' puts several samples together, but the targets of this task are of whole images";
    problem.hint = "leave it out";
    throw UserError(problem);
  }
  if (!followers_.empty() && transform.places() == Places::Lost) {
    problem.message = "'" + name + "' mixes or repeats parts of an image, where this task's targets cannot follow";
    problem.hint = "leave it out; padding of one value can be followed";
    throw UserError(problem);
  }
}

Json size_json(std::int64_t height, std::int64_t width) {
  return height == width ? Json(height) : Json({height, width});
}

std::pair<std::int64_t, std::int64_t> sides_of(const Json& size) {
  const bool one = !size.is_array();
  return {(one ? size : size.at(0)).get<std::int64_t>(), (one ? size : size.at(1)).get<std::int64_t>()};
}

Json Pipeline::facts() const {
  Json facts = Json::object();
  for (const auto& transform : transforms_) transform->describe(facts);
  return facts;
}

void Pipeline::append(std::unique_ptr<Transform> transform) {
  channels_ = transform->channels(channels_);
  purposes_.push_back("transform " + std::to_string(transforms_.size()));
  transforms_.push_back(std::move(transform));
}

}  // namespace mlrun::data
