#include "data/sources/synthetic_shapes.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"
#include "data/sources/split_dataset.h"
#include "data/sources/splits.h"

namespace mlrun::data {
namespace {

constexpr int kGround = 128, kDarkest = 32, kColours = 192;

using Colour = std::array<std::uint8_t, 3>;

enum class ShapeTargets { Masks, Boxes, Instances };

std::vector<Colour> colours_of(const SyntheticShapesOptions& options) {
  std::vector<Colour> colours = {{kGround, kGround, kGround}};
  KeyedRandom random(static_cast<std::uint64_t>(options.seed), "shape colours");
  while (static_cast<std::int64_t>(colours.size()) < options.num_classes) {
    Colour colour{};
    for (auto& value : colour) value = static_cast<std::uint8_t>(kDarkest + random.below(kColours));
    colours.push_back(colour);
  }
  return colours;
}

/// A disc or a rectangle, by its centre and half sides.
struct Shape {
  std::int64_t y, x, half_height, half_width;
  bool disc;

  /// Left, top, right, bottom of what of it an image of this size shows.
  std::array<std::int64_t, 4> box(std::int64_t height, std::int64_t width) const {
    return {std::max<std::int64_t>(x - half_width, 0), std::max<std::int64_t>(y - half_height, 0),
            std::min(x + half_width + 1, width), std::min(y + half_height + 1, height)};
  }
  bool holds(std::int64_t row, std::int64_t column) const {
    const auto dy = static_cast<double>(row - y) / static_cast<double>(half_height);
    const auto dx = static_cast<double>(column - x) / static_cast<double>(half_width);
    return disc ? dy * dy + dx * dx <= 1 : std::max(std::abs(dy), std::abs(dx)) <= 1;
  }
};

/// The boxes around shapes, and their classes, the first of which is not the ground.
class ShapeBoxes {
 public:
  /// The pixels of one, uint8 [H, W].
  void add_mask(const torch::Tensor& mask) {
    masks_.push_back(mask);
    areas_.back() = mask.sum().item<double>();
  }
  torch::Tensor masks(std::int64_t height, std::int64_t width) const {
    return masks_.empty() ? torch::zeros({0, height, width}, torch::kByte) : torch::stack(masks_);
  }
  void add(const std::array<std::int64_t, 4>& box, std::int64_t label) {
    for (const auto side : box) sides_.push_back(static_cast<float>(side));
    areas_.push_back(static_cast<double>((box[2] - box[0]) * (box[3] - box[1])));
    labels_.push_back(label - 1);
  }
  Fields targets() const {
    const auto count = static_cast<std::int64_t>(labels_.size());
    return {{"boxes", torch::tensor(sides_, torch::kFloat).view({count, 4})},
            {"labels", torch::tensor(labels_, torch::kLong)},
            {"crowd", torch::zeros(count, torch::kBool)},
            {"area", torch::tensor(areas_, torch::kDouble)},
            {"object_ids", torch::arange(1, count + 1)}};
  }

 private:
  std::vector<float> sides_;
  std::vector<double> areas_;
  std::vector<std::int64_t> labels_;
  std::vector<torch::Tensor> masks_;
};

class Shapes : public Source {
 public:
  Shapes(SyntheticShapesOptions options, ShapeTargets targets, Split split, std::int64_t samples)
      : options_(options),
        targets_(targets),
        colours_(colours_of(options)),
        purpose_(std::string("shapes ") + split_name(split)),
        samples_(samples) {}

  std::int64_t size() const override { return samples_; }
  SampleFacts facts(std::int64_t index) const override {
    SampleFacts facts{std::to_string(index)};
    facts.height = options_.height, facts.width = options_.width;
    return facts;
  }

  Sample get(const SampleKey& key) const override {
    KeyedRandom random(static_cast<std::uint64_t>(options_.seed), purpose_, 0, static_cast<std::uint64_t>(key.index));
    const torch::Tensor mask = torch::zeros({options_.height, options_.width}, torch::kByte);
    ShapeBoxes boxes;
    for (std::int64_t i = 0; i < options_.shapes && options_.num_classes > 1; ++i) draw(mask, boxes, random);
    Sample sample;
    sample.id = std::to_string(key.index);
    sample.index = key.index;
    sample.inputs.set("image", painted(mask, random));
    if (targets_ == ShapeTargets::Masks) {
      sample.targets.set("mask", mask);
      return sample;
    }
    sample.targets = boxes.targets();
    if (targets_ == ShapeTargets::Instances) sample.targets.set("masks", boxes.masks(options_.height, options_.width));
    return sample;
  }

 private:
  void draw(const torch::Tensor& mask, ShapeBoxes& boxes, KeyedRandom& random) const {
    const auto below = [&random](std::int64_t count) {
      return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(std::max<std::int64_t>(count, 1))));
    };
    const auto label = static_cast<std::uint8_t>(1 + below(options_.num_classes - 1));
    const Shape shape{below(options_.height), below(options_.width), 2 + below(options_.height / 5),
                      2 + below(options_.width / 5), below(2) == 0};
    boxes.add(shape.box(options_.height, options_.width), label);
    const torch::Tensor whole = torch::zeros_like(mask);
    auto pixels = mask.accessor<std::uint8_t, 2>(), own = whole.accessor<std::uint8_t, 2>();
    for (std::int64_t y = 0; y < options_.height; ++y) {
      for (std::int64_t x = 0; x < options_.width; ++x) {
        if (shape.holds(y, x)) pixels[y][x] = label, own[y][x] = 1;
      }
    }
    if (targets_ == ShapeTargets::Instances) boxes.add_mask(whole);
  }

  torch::Tensor painted(const torch::Tensor& mask, KeyedRandom& random) const {
    torch::Tensor image = torch::empty({options_.height, options_.width, options_.channels}, torch::kByte);
    const auto* label = mask.data_ptr<std::uint8_t>();
    auto* out = image.data_ptr<std::uint8_t>();
    const double amplitude = options_.noise * 255;
    for (std::int64_t i = 0; i < mask.numel(); ++i) {
      for (std::int64_t c = 0; c < options_.channels; ++c) {
        const double value = colours_[label[i]][static_cast<std::size_t>(c)] + random.uniform(-amplitude, amplitude);
        *out++ = static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0));
      }
    }
    return image;
  }

  SyntheticShapesOptions options_;
  ShapeTargets targets_;
  std::vector<Colour> colours_;
  std::string purpose_;
  std::int64_t samples_;
};

std::shared_ptr<const Dataset> open_shapes(const SyntheticShapesOptions& options, ShapeTargets targets,
                                           const OpenRequest& request) {
  check_shares(request.split, true, true);
  const bool boxes = targets != ShapeTargets::Masks, instances = targets == ShapeTargets::Instances;
  const std::string kind = instances ? "instances" : boxes ? "boxes" : "shapes";
  DataInfo info;
  info.name = "synthetic " + kind;
  Json values = Json::object();
  const auto spec = config::spec_of<SyntheticShapesOptions>();
  for (const auto& field : spec->fields) values[field.name] = field.get(&options);
  const std::string text = "synthetic_" + kind + " 1 " + json_text(values);
  info.fingerprint = sha256(text.data(), text.size());
  for (std::int64_t label = boxes ? 1 : 0; label < options.num_classes; ++label) {
    info.classes.push_back(label == 0 ? "ground" : "shape " + std::to_string(label));
  }
  if (boxes) info.facts["boxes"] = true;
  if (instances) info.facts["masks"] = true;
  info.channels = options.channels;
  const std::pair<Split, std::int64_t> counts[] = {
      {Split::Train, options.train_samples}, {Split::Val, options.val_samples}, {Split::Test, options.test_samples}};
  SplitDataset::Splits splits;
  for (const auto& [split, count] : counts) {
    if (count > 0) splits[static_cast<std::size_t>(split)] = std::make_shared<Shapes>(options, targets, split, count);
  }
  return std::make_shared<SplitDataset>(std::move(info), std::move(splits));
}

}  // namespace

void SyntheticShapesOptions::declare(config::Declare<SyntheticShapesOptions>& d) {
  using O = SyntheticShapesOptions;
  d("train_samples", &O::train_samples, "training samples").min(1).max(1e9);
  d("val_samples", &O::val_samples, "validation samples; 0: no such split").min(0).max(1e9);
  d("test_samples", &O::test_samples, "test samples; 0: no such split").min(0).max(1e9);
  d("num_classes", &O::num_classes, "classes, the ground among them").min(1).max(255);
  d("height", &O::height, "height of the images").min(8).max(8192).unit("px");
  d("width", &O::width, "width of the images").min(8).max(8192).unit("px");
  d("channels", &O::channels, "1: grey, 3: RGB").min(1).max(3);
  d("shapes", &O::shapes, "shapes in an image").min(0).max(1000);
  d("noise", &O::noise, "largest change of a value by noise, as a share of the full range").min(0).max(1);
  d("seed", &O::seed, "of the colours, the shapes and the noise").min(0);
}

std::shared_ptr<const Dataset> open_synthetic_shapes(const SyntheticShapesOptions& options,
                                                     const OpenRequest& request) {
  return open_shapes(options, ShapeTargets::Masks, request);
}

std::shared_ptr<const Dataset> open_synthetic_boxes(const SyntheticShapesOptions& options, const OpenRequest& request) {
  return open_shapes(options, ShapeTargets::Boxes, request);
}

std::shared_ptr<const Dataset> open_synthetic_instances(const SyntheticShapesOptions& options,
                                                        const OpenRequest& request) {
  return open_shapes(options, ShapeTargets::Instances, request);
}

}  // namespace mlrun::data
