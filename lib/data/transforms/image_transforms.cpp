#include "data/transforms/image_transforms.h"

#include <algorithm>

#include "base/error.h"
#include "data/image/bytes.h"
#include "data/image/resize.h"
#include "data/transforms/sizes.h"
#include "data/transforms/window.h"

namespace mlrun::data {
namespace {

class Resize : public Transform {
 public:
  Resize(std::vector<std::int64_t> size, Interpolation interpolation)
      : size_(std::move(size)), interpolation_(interpolation) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom&) const override {
    const ImageView view = view_of(image);
    const auto [height, width] = target(view.height, view.width);
    if (height == view.height && width == view.width) return image;
    return resize(view, height, width, interpolation_);
  }

  bool plan(Window& window, KeyedRandom&) const override {
    const auto [height, width] = target(window.height(), window.width());
    return window.resize(height, width, interpolation_);
  }
  Places places() const override { return Places::Planned; }

  void describe(Json& facts) const override {
    facts["resize_size"] = size_.size() == 2 ? size_json(size_[0], size_[1]) : Json(size_[0]);
    facts["interpolation"] = interpolation_names()[static_cast<std::size_t>(interpolation_)];
    const Json before = facts.value("input_size", Json());
    facts.erase("input_size");
    if (size_.size() == 1 && before.is_null()) return;  // it keeps the proportions of images that may have any
    const auto [height, width] = before.is_null() ? std::pair(size_[0], size_[1]) : sides_of(before);
    const auto [high, wide] = target(height, width);
    facts["input_size"] = size_json(high, wide);
  }

 private:
  std::pair<std::int64_t, std::int64_t> target(std::int64_t height, std::int64_t width) const {
    if (size_.size() == 2) return {size_[0], size_[1]};
    const ImageSize size = size_of_shorter(size_[0], height, width);
    return {size.height, size.width};
  }

  std::vector<std::int64_t> size_;
  Interpolation interpolation_;
};

void mirror_row(const std::uint8_t* in, std::int64_t width, std::int64_t channels, std::uint8_t* out) {
  if (channels == 1) {
    std::reverse_copy(in, in + width, out);
    return;
  }
  for (std::int64_t x = width - 1; x >= 0; --x) out = std::copy_n(in + x * channels, channels, out);
}

class Flip : public Transform {
 public:
  Flip(double probability, bool horizontal) : probability_(probability), horizontal_(horizontal) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom& random) const override {
    if (!random.chance(probability_)) return image;
    const ImageView view = view_of(image);
    auto result = torch::empty_like(image);
    auto* out = result.data_ptr<std::uint8_t>();
    for (std::int64_t y = 0; y < view.height; ++y, out += view.stride) {
      if (horizontal_) mirror_row(view.row(y), view.width, view.channels, out);
      else std::copy_n(view.row(view.height - 1 - y), view.stride, out);
    }
    return result;
  }

  bool plan(Window& window, KeyedRandom& random) const override {
    if (!random.chance(probability_)) return true;
    if (horizontal_) window.mirror();
    else window.upturn();
    return true;
  }
  Places places() const override { return Places::Planned; }

 private:
  double probability_;
  bool horizontal_;
};

class Grayscale : public Transform {
 public:
  explicit Grayscale(std::int64_t outputs) : outputs_(outputs) {}

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom&) const override {
    const ImageView view = view_of(image);
    if (view.channels == 1 && outputs_ == 1) return image;
    auto result = torch::empty({view.height, view.width, outputs_}, torch::kUInt8);
    auto* out = result.data_ptr<std::uint8_t>();
    const std::uint8_t* const end = view.row(view.height);
    for (const std::uint8_t* pixel = view.pixels; pixel < end; pixel += view.channels) {
      const std::uint8_t grey = view.channels == 1 ? *pixel : luma(pixel);
      out = std::fill_n(out, outputs_, grey);
    }
    return result;
  }

  std::int64_t channels(std::int64_t) const override { return outputs_; }
  Places places() const override { return Places::Stay; }

 private:
  std::int64_t outputs_;
};

/// A table has every result there is; its entries take the same three float32 operations, each
/// rounded, as torchvision's tensors do.
class Normalize : public Transform {
 public:
  Normalize(ValueTables tables, NormalizeOptions options) : tables_(std::move(tables)), options_(std::move(options)) {}

  bool converts() const override { return true; }
  Places places() const override { return Places::Stay; }
  const ValueTables* tables() const override { return &tables_; }
  void describe(Json& facts) const override {
    facts["mean"] = options_.mean;
    facts["std"] = options_.deviation;
  }

  torch::Tensor apply(const torch::Tensor& image, KeyedRandom&) const override {
    const ImageView view = view_of(image);
    WindowReader reader(Window(view.height, view.width), view.channels);
    reader.take_all(view);
    auto result = torch::empty({view.channels, view.height, view.width}, torch::kFloat32);
    reader.floats(tables_, result);
    return result;
  }

  torch::Tensor revert(const torch::Tensor& input) const override {
    torch::Tensor image = torch::empty_like(input, torch::kFloat32);
    for (std::size_t c = 0; c < tables_.size(); ++c) {
      const float black = tables_[c].front(), white = tables_[c].back();
      const auto at = static_cast<std::int64_t>(c);
      image[at].copy_((input[at] - black) / (white - black));
    }
    return image;
  }

 private:
  ValueTables tables_;  ///< one for each channel
  NormalizeOptions options_;
};

}  // namespace

std::string size_problem(const std::vector<std::int64_t>& size) {
  return size.size() > 2 ? "takes one value, or height and width; not " + std::to_string(size.size()) : "";
}

void check_per_channel(const std::string& key, std::size_t count, std::int64_t channels) {
  if (count == 1 || static_cast<std::int64_t>(count) == channels) return;
  Problem problem;
  problem.key = key;
  problem.message = "has " + std::to_string(count) + " values, but the images have " + std::to_string(channels) +
                    (channels == 1 ? " channel" : " channels");
  problem.hint = channels == 1 ? "give one value" : "give one value, or " + std::to_string(channels);
  throw UserError(problem);
}

void ResizeOptions::declare(config::Declare<ResizeOptions>& d) {
  d("size", &ResizeOptions::size,
    "length of the shorter side, or height and width; empty: the size before the crop that the model was published "
    "with")
      .min(1)
      .unit("pixels");
  d("interpolation", &ResizeOptions::interpolation, "how pixels are interpolated; antialiased, as Pillow does")
      .choices(interpolation_names());
  d.rule("size", [](const ResizeOptions& o) { return size_problem(o.size); });
}

std::unique_ptr<Transform> make_resize(const ResizeOptions& options, const TransformContext& context) {
  auto size = options.size.empty() ? std::vector<std::int64_t>{context.resize_size} : options.size;
  return std::make_unique<Resize>(std::move(size), interpolation_of(options.interpolation));
}

void FlipOptions::declare(config::Declare<FlipOptions>& d) {
  d("p", &FlipOptions::p, "probability of a flip").min(0).max(1);
}

std::unique_ptr<Transform> make_horizontal_flip(const FlipOptions& options) {
  return std::make_unique<Flip>(options.p, true);
}

std::unique_ptr<Transform> make_vertical_flip(const FlipOptions& options) {
  return std::make_unique<Flip>(options.p, false);
}

void GrayscaleOptions::declare(config::Declare<GrayscaleOptions>& d) {
  d("num_output_channels", &GrayscaleOptions::num_output_channels,
    "1, or 3 equal ones for a model that expects colour");
  d.rule("num_output_channels", [](const GrayscaleOptions& o) -> std::string {
    return o.num_output_channels == 1 || o.num_output_channels == 3 ? "" : "must be 1 or 3";
  });
}

std::unique_ptr<Transform> make_grayscale(const GrayscaleOptions& options, const TransformContext& context) {
  if (context.channels != 1 && context.channels != 3) {
    throw UserError("needs images with 1 or 3 channels, but these have " + std::to_string(context.channels));
  }
  return std::make_unique<Grayscale>(options.num_output_channels);
}

void NormalizeOptions::declare(config::Declare<NormalizeOptions>& d) {
  d("mean", &NormalizeOptions::mean, "subtracted from values in 0..1: one value, or one per channel");
  d("std", &NormalizeOptions::deviation, "divides them then: one value, or one per channel").above(0);
}

std::unique_ptr<Transform> make_normalize(const NormalizeOptions& options, const TransformContext& context) {
  check_per_channel("mean", options.mean.size(), context.channels);
  check_per_channel("std", options.deviation.size(), context.channels);
  ValueTables tables(static_cast<std::size_t>(context.channels));
  for (std::size_t c = 0; c < tables.size(); ++c) {
    const auto mean = static_cast<float>(options.mean[c % options.mean.size()]);
    const auto deviation = static_cast<float>(options.deviation[c % options.deviation.size()]);
    for (std::size_t x = 0; x < 256; ++x) tables[c][x] = (static_cast<float>(x) / 255.0F - mean) / deviation;
  }
  return std::make_unique<Normalize>(std::move(tables), options);
}

NormalizeOptions imagenet_statistics(std::int64_t channels) {
  NormalizeOptions options;
  if (channels != 3) options.mean = {0.449}, options.deviation = {0.226};
  return options;
}

NormalizeOptions published_statistics(const TransformContext& context) {
  const auto fits = [&](const std::vector<double>& values) {
    return values.size() == static_cast<std::size_t>(context.channels);
  };
  NormalizeOptions options = imagenet_statistics(context.channels);
  if (fits(context.mean) && fits(context.deviation)) options.mean = context.mean, options.deviation = context.deviation;
  return options;
}

}  // namespace mlrun::data
