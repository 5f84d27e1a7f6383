#include "recipes/detection/presets.h"

#include <numeric>
#include <utility>

#include "data/transforms/boxes/fixed_size_crop.h"
#include "data/transforms/boxes/iou_crop.h"
#include "data/transforms/boxes/photometric_distort.h"
#include "data/transforms/boxes/random_shortest_size.h"
#include "data/transforms/boxes/zoom_out.h"
#include "data/transforms/image_transforms.h"
#include "data/transforms/random_resize.h"

namespace mlrun::detection {
namespace {

struct FlipPreset {
  double hflip_prob = 0.5;

  static void declare(config::Declare<FlipPreset>& d) {
    d("hflip_prob", &FlipPreset::hflip_prob, "probability of a horizontal flip").min(0).max(1);
  }
};

/// Where images end, their mean: [123, 117, 104].
std::vector<std::int64_t> mean_fill() { return {123, 117, 104}; }

struct SsdPreset {
  double hflip_prob = 0.5;
  std::vector<std::int64_t> mean = mean_fill();

  static void declare(config::Declare<SsdPreset>& d) {
    d("hflip_prob", &SsdPreset::hflip_prob, "probability of a horizontal flip").min(0).max(1);
    d("mean", &SsdPreset::mean, "red, green and blue of the canvas of random_zoom_out").length(3).min(0).max(255);
  }
};

struct LsjPreset {
  std::int64_t size = 1024;
  double hflip_prob = 0.5;
  std::vector<std::int64_t> mean = mean_fill();

  static void declare(config::Declare<LsjPreset>& d) {
    d("size", &LsjPreset::size, "height and width of the result").min(1).unit("pixels");
    d("hflip_prob", &LsjPreset::hflip_prob, "probability of a horizontal flip").min(0).max(1);
    d("mean", &LsjPreset::mean, "red, green and blue of padding").length(3).min(0).max(255);
  }
};

struct MultiscalePreset {
  std::vector<std::int64_t> min_size = data::RandomShortestSizeOptions().min_size;
  std::int64_t max_size = data::RandomShortestSizeOptions().max_size;
  double hflip_prob = 0.5;

  static void declare(config::Declare<MultiscalePreset>& d) {
    d("min_size", &MultiscalePreset::min_size, "shorter sides of which one is drawn").min(1).unit("pixels");
    d("max_size", &MultiscalePreset::max_size, "largest length of the longer side").min(1).unit("pixels");
    d("hflip_prob", &MultiscalePreset::hflip_prob, "probability of a horizontal flip").min(0).max(1);
    d.rule("min_size",
           [](const MultiscalePreset& o) -> std::string { return o.min_size.empty() ? "needs a side at least" : ""; });
  }
};

/// The colour for images of this many channels: grey ones have its mean.
std::vector<std::int64_t> fill_for(const std::vector<std::int64_t>& colour, std::int64_t channels) {
  if (channels == 3) return colour;
  return {std::accumulate(colour.begin(), colour.end(), std::int64_t{0}) / static_cast<std::int64_t>(colour.size())};
}

void add_flip(data::TransformList& list, double probability) {
  if (probability > 0) list.push_back(data::make_horizontal_flip({probability}));
}

data::TransformList make_train(const FlipPreset& options, const data::TransformContext&) {
  data::TransformList list;
  add_flip(list, options.hflip_prob);
  return list;
}

data::TransformList make_ssd(const SsdPreset& options, const data::TransformContext& context) {
  data::ZoomOutOptions zoom;
  zoom.fill = fill_for(options.mean, context.channels);
  data::TransformList list;
  list.push_back(data::make_photometric_distort({}, context));
  list.push_back(data::make_zoom_out(zoom, context));
  list.push_back(data::make_iou_crop({}, context));
  add_flip(list, options.hflip_prob);
  return list;
}

data::TransformList make_ssdlite(const FlipPreset& options, const data::TransformContext& context) {
  data::TransformList list;
  list.push_back(data::make_iou_crop({}, context));
  add_flip(list, options.hflip_prob);
  return list;
}

data::TransformList make_lsj(const LsjPreset& options, const data::TransformContext& context) {
  data::ScaleJitterOptions jitter;
  jitter.size = {options.size};
  data::FixedSizeCropOptions crop;
  crop.size = {options.size};
  crop.fill = fill_for(options.mean, context.channels);
  data::TransformList list;
  list.push_back(data::make_scale_jitter(jitter, context));
  list.push_back(data::make_fixed_size_crop(crop, context));
  add_flip(list, options.hflip_prob);
  return list;
}

data::TransformList make_multiscale(const MultiscalePreset& options, const data::TransformContext& context) {
  data::RandomShortestSizeOptions resize;
  resize.min_size = options.min_size;
  resize.max_size = options.max_size;
  data::TransformList list;
  list.push_back(data::make_random_shortest_size(resize, context));
  add_flip(list, options.hflip_prob);
  return list;
}

data::TransformList make_eval(const config::NoOptions&, const data::TransformContext&) { return {}; }

}  // namespace

void add_presets(data::TransformFactory& factory) {
  factory.add<FlipPreset>("detection_train", "preset: random_horizontal_flip, as torchvision's references (hflip)",
                          make_train);
  factory.add<SsdPreset>("detection_ssd",
                         "preset: random_photometric_distort, random_zoom_out, random_iou_crop, "
                         "random_horizontal_flip, as torchvision's references (ssd)",
                         make_ssd);
  factory.add<FlipPreset>("detection_ssdlite",
                          "preset: random_iou_crop, random_horizontal_flip, as torchvision's references (ssdlite)",
                          make_ssdlite);
  factory.add<LsjPreset>("detection_lsj",
                         "preset: scale_jitter, fixed_size_crop, random_horizontal_flip, as torchvision's references "
                         "(lsj); the model is not to resize then",
                         make_lsj);
  factory.add<MultiscalePreset>("detection_multiscale",
                                "preset: random_shortest_size, random_horizontal_flip, as torchvision's references "
                                "(multiscale); the model is not to resize then",
                                make_multiscale);
  factory.add<config::NoOptions>("detection_eval", "preset: images as they are, which detectors resize and normalize",
                                 make_eval);
}

}  // namespace mlrun::detection
