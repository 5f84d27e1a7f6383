#include "data/sources/synthetic.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "data/sources/groups.h"
#include "data/sources/selected_source.h"
#include "data/sources/split_dataset.h"
#include "data/sources/splits.h"

namespace mlrun::data {
namespace {

constexpr std::int64_t kFields = 8;  // of a pattern, in each direction

/// Every class's pattern: values in 64 .. 191 for [class][field row][field column][channel].
std::vector<std::uint8_t> make_patterns(const SyntheticOptions& options) {
  const std::int64_t size = kFields * kFields * options.channels;
  std::vector<std::uint8_t> patterns;
  patterns.reserve(static_cast<std::size_t>(options.num_classes * size));
  for (std::int64_t label = 0; label < options.num_classes; ++label) {
    KeyedRandom random(static_cast<std::uint64_t>(options.seed), "synthetic pattern",
                       static_cast<std::uint64_t>(label));
    for (std::int64_t i = 0; i < size; ++i) patterns.push_back(static_cast<std::uint8_t>(64 + random.below(128)));
  }
  return patterns;
}

/// What all samples share.
struct Recipe {
  SyntheticOptions options;
  std::vector<std::uint8_t> patterns;
};

/// The field that each of `size` positions, moved on by `shift`, falls into.
std::vector<std::int64_t> fields_along(std::int64_t size, std::int64_t shift) {
  std::vector<std::int64_t> fields(static_cast<std::size_t>(size));
  for (std::int64_t i = 0; i < size; ++i) fields[static_cast<std::size_t>(i)] = (i + shift) % size * kFields / size;
  return fields;
}

/// Four values of the noise from each draw.
class Noise {
 public:
  Noise(KeyedRandom& random, double amplitude)
      : random_(random), amplitude_(static_cast<int>(std::lround(amplitude * 255))) {}

  /// Uniform in -amplitude .. amplitude.
  int next() {
    if (left_ == 0) {
      bits_ = random_.bits32();
      left_ = 4;
    }
    const int byte = static_cast<int>(bits_ & 255U);
    bits_ >>= 8;
    --left_;
    return (2 * byte - 255) * amplitude_ / 255;
  }

 private:
  KeyedRandom& random_;
  int amplitude_;
  std::uint32_t bits_ = 0;
  int left_ = 0;
};

torch::Tensor draw_image(const Recipe& recipe, std::int64_t label, KeyedRandom random) {
  const auto& o = recipe.options;
  const auto draw_shift = [&random](std::int64_t size) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(size / kFields + 1)));
  };
  const auto rows = fields_along(o.height, draw_shift(o.height));
  const auto columns = fields_along(o.width, draw_shift(o.width));
  const std::uint8_t* pattern = recipe.patterns.data() + label * kFields * kFields * o.channels;
  torch::Tensor image = torch::empty({o.height, o.width, o.channels}, torch::kByte);
  auto* out = image.data_ptr<std::uint8_t>();
  Noise noise(random, o.noise);
  for (const std::int64_t row : rows) {
    for (const std::int64_t column : columns) {
      const std::uint8_t* colour = pattern + (row * kFields + column) * o.channels;
      for (std::int64_t c = 0; c < o.channels; ++c) {
        *out++ = static_cast<std::uint8_t>(std::clamp(colour[c] + noise.next(), 0, 255));
      }
    }
  }
  return image;
}

class SyntheticSource : public SelectedSource {
 public:
  /// `pool` is the split whose samples these are: a divided training pool stays `train`.
  SyntheticSource(std::shared_ptr<const Recipe> recipe, Split pool, std::vector<std::int64_t> positions)
      : SelectedSource(std::move(positions)),
        recipe_(std::move(recipe)),
        purpose_(std::string("synthetic ") + split_name(pool)) {}

 protected:
  torch::Tensor image_at(std::int64_t position) const override {
    const KeyedRandom random(static_cast<std::uint64_t>(recipe_->options.seed), purpose_,
                             static_cast<std::uint64_t>(position));
    return draw_image(*recipe_, label(position), random);
  }

  SampleFacts facts_at(std::int64_t position) const override {
    return {std::to_string(position), {label(position)}, {}, recipe_->options.height, recipe_->options.width};
  }

 private:
  std::int64_t label(std::int64_t position) const { return position % recipe_->options.num_classes; }

  std::shared_ptr<const Recipe> recipe_;
  std::string purpose_;
};

/// A name for everything that the samples depend on.
std::string options_fingerprint(const SyntheticOptions& options) {
  Json values = Json::object();
  const auto spec = config::spec_of<SyntheticOptions>();
  for (const auto& field : spec->fields) values[field.name] = field.get(&options);
  const std::string text = "synthetic 1 " + json_text(values);
  return sha256(text.data(), text.size());
}

DataInfo describe(const SyntheticOptions& options) {
  DataInfo info;
  info.name = "synthetic";
  info.fingerprint = options_fingerprint(options);
  for (std::int64_t label = 0; label < options.num_classes; ++label) info.classes.push_back(std::to_string(label));
  info.channels = options.channels;
  return info;
}

std::shared_ptr<const Source> whole(const std::shared_ptr<const Recipe>& recipe, Split split, std::int64_t samples) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(samples));
  std::iota(positions.begin(), positions.end(), std::int64_t{0});
  return std::make_shared<SyntheticSource>(recipe, split, std::move(positions));
}

}  // namespace

void SyntheticOptions::declare(config::Declare<SyntheticOptions>& d) {
  d("train_samples", &SyntheticOptions::train_samples, "training samples").min(1).max(1e9);
  d("val_samples", &SyntheticOptions::val_samples, "validation samples; 0: no such split").min(0).max(1e9);
  d("test_samples", &SyntheticOptions::test_samples, "test samples; 0: no such split").min(0).max(1e9);
  d("num_classes", &SyntheticOptions::num_classes, "classes").min(1).max(100000);
  d("height", &SyntheticOptions::height, "height of the images").min(1).max(8192).unit("px");
  d("width", &SyntheticOptions::width, "width of the images").min(1).max(8192).unit("px");
  d("channels", &SyntheticOptions::channels, "1: grey, 3: RGB").min(1).max(3);
  d("noise", &SyntheticOptions::noise, "largest change of a value by noise, as a share of the full range")
      .min(0)
      .max(1);
  d("seed", &SyntheticOptions::seed, "of the patterns and the noise").min(0);
}

std::shared_ptr<const Dataset> open_synthetic(const SyntheticOptions& options, const OpenRequest& request) {
  refuse_groups(request.split, "synthetic");
  check_shares(request.split, options.val_samples > 0, options.test_samples > 0);
  const auto recipe = std::make_shared<const Recipe>(Recipe{options, make_patterns(options)});
  std::vector<std::int64_t> labels(static_cast<std::size_t>(options.train_samples));
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<std::int64_t>(i) % options.num_classes;
  DataInfo info = describe(options);
  Division division = divide_pool(info, labels, {}, request.split);
  SplitDataset::Splits splits;
  for (std::size_t i = 0; i < splits.size(); ++i) {
    auto& part = division.parts[i];
    if (!part.empty()) splits[i] = std::make_shared<SyntheticSource>(recipe, Split::Train, std::move(part));
  }
  if (options.val_samples > 0) splits[1] = whole(recipe, Split::Val, options.val_samples);
  if (options.test_samples > 0) splits[2] = whole(recipe, Split::Test, options.test_samples);
  return std::make_shared<SplitDataset>(std::move(info), std::move(splits));
}

}  // namespace mlrun::data
