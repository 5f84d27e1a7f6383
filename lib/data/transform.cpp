#include "data/transform.h"

#include "base/error.h"
#include "data/crop_transforms.h"
#include "data/image_transforms.h"

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

/// The statistics that the model was published with, where they are of as many channels.
NormalizeOptions preset_statistics(const TransformContext& context) {
  const auto fits = [&](const std::vector<double>& values) {
    return values.size() == static_cast<std::size_t>(context.channels);
  };
  NormalizeOptions options = imagenet_statistics(context.channels);
  if (fits(context.mean) && fits(context.deviation)) options.mean = context.mean, options.deviation = context.deviation;
  return options;
}

void add_presets(TransformFactory& factory) {
  using config::NoOptions;
  factory.add<NoOptions>("classification_train",
                         "preset: random_resized_crop, random_horizontal_flip, normalize, as the model was published",
                         [](const NoOptions&, const TransformContext& context) {
                           RandomResizedCropOptions crop;
                           crop.interpolation = context.interpolation;
                           return list_of(make_random_resized_crop(crop, context), make_horizontal_flip({}),
                                          make_normalize(preset_statistics(context), context));
                         });
  factory.add<NoOptions>("classification_eval", "preset: resize, center_crop, normalize, as the model was published",
                         [](const NoOptions&, const TransformContext& context) {
                           ResizeOptions resize;
                           resize.interpolation = context.interpolation;
                           return list_of(make_resize(resize, context), make_center_crop({}, context),
                                          make_normalize(preset_statistics(context), context));
                         });
  factory.add<NoOptions>("none", "preset: nothing but the scaling of values to 0..1",
                         [](const NoOptions&, const TransformContext&) { return TransformList(); });
}

TransformFactory make_transforms() {
  TransformFactory factory("transform");
  add<ResizeOptions>(factory, "resize", "to a given shorter side or to a given height and width", make_resize);
  add<CenterCropOptions>(factory, "center_crop", "the middle; a smaller image is padded with 0", make_center_crop);
  add<RandomCropOptions>(factory, "random_crop", "a random part of fixed size, with padding", make_random_crop);
  add<RandomResizedCropOptions>(factory, "random_resized_crop",
                                "a random part of random area and ratio, resized to a fixed size",
                                make_random_resized_crop);
  add<FlipOptions>(factory, "random_horizontal_flip", "left and right exchanged, with a probability",
                   [](const FlipOptions& options, const TransformContext&) { return make_horizontal_flip(options); });
  add<FlipOptions>(factory, "random_vertical_flip", "top and bottom exchanged, with a probability",
                   [](const FlipOptions& options, const TransformContext&) { return make_vertical_flip(options); });
  add<GrayscaleOptions>(factory, "grayscale", "luma alone; with 3 output channels, grey images for a colour model",
                        make_grayscale);
  add<NormalizeOptions>(factory, "normalize", "(x / 255 - mean) / std as floats; comes last", make_normalize);
  add_presets(factory);
  return factory;
}

/// Transforms of one component; what is wrong with it is reported at `place`.
TransformList make_at(const config::Component& component, const TransformContext& context, const std::string& place) {
  try {
    return transforms().make(component, context);
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

}  // namespace

const TransformFactory& transforms() {
  static const TransformFactory factory = make_transforms();
  return factory;
}

Pipeline::Pipeline(const std::vector<config::Component>& list, const TransformContext& context, const std::string& key)
    : channels_(context.channels), channels_last_(context.channels_last), scaled_decoding_(context.scaled_decoding) {
  std::string converter;  // the component that makes floats
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = key + "." + std::to_string(i);
    TransformContext here = context;
    here.channels = channels_;
    for (auto& transform : make_at(list[i], here, place)) {
      if (!converter.empty() && !transform->follows_normalize()) fail_after_normalize(list[i].name, converter, place);
      if (transform->converts() && converter.empty()) converter = list[i].name;
      append(std::move(transform));
    }
  }
  if (!converter.empty()) return;
  TransformContext last = context;
  last.channels = channels_;
  append(make_normalize({{0.0}, {1.0}}, last));
}

void Pipeline::append(std::unique_ptr<Transform> transform) {
  channels_ = transform->channels(channels_);
  purposes_.push_back("transform " + std::to_string(transforms_.size()));
  transforms_.push_back(std::move(transform));
}

}  // namespace mlrun::data
