#include "deploy/image_input.h"

#include <array>
#include <cmath>
#include <tuple>

#include <torch/types.h>

#include "base/error.h"

namespace mlrun::deploy {
namespace {

/// [to, from] weights as Pillow has them, whole numbers; undefined where every pixel stays.
torch::Tensor weight_matrix(const data::Axis& axis, std::int64_t from, data::Interpolation interpolation) {
  const data::Taps taps = data::make_taps(axis, interpolation);
  if (taps.copies && taps.size() == from) return {};
  torch::Tensor matrix = torch::zeros({taps.size(), from}, torch::kDouble);
  auto entries = matrix.accessor<double, 2>();
  for (std::int64_t i = 0; i < taps.size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    for (std::int64_t k = 0; k < taps.count[at]; ++k) entries[i][taps.first[at] + k] = taps.weights_of(i)[k];
  }
  return matrix;
}

/// What Pillow does to a sum of pixels times weights.
torch::Tensor rounded(const torch::Tensor& sums) {
  constexpr double kOne = 1 << data::kWeightBits;
  return torch::floor((sums + kOne / 2) / kOne).clamp(0, 255);
}

float normalized(int value, float mean, float deviation) {
  return (static_cast<float>(value) / 255.0F - mean) / deviation;
}

/// The mean and deviation that a table of normalized values was made with: decimals of few digits, if they give its
/// bits.
std::pair<float, float> statistics(const std::array<float, 256>& table) {
  const double deviation = 1.0 / (static_cast<double>(table[255]) - table[0]), mean = -table[0] * deviation;
  const auto short_of = [](double value) { return static_cast<float>(std::round(value * 1e5) / 1e5); };
  for (int value = 0; value < 256; ++value) {
    if (normalized(value, short_of(mean), short_of(deviation)) == table[static_cast<std::size_t>(value)]) continue;
    return {static_cast<float>(mean), static_cast<float>(deviation)};
  }
  return {short_of(mean), short_of(deviation)};
}

}  // namespace

ImageInput::ImageInput(const data::TransformFactory& factory, const std::vector<config::Component>& transforms,
                       const data::TransformContext& context, std::int64_t height, std::int64_t width) {
  data::Window window(height, width);
  const auto per_channel = [](const std::vector<float>& values) { return torch::tensor(values).view({-1, 1, 1}); };
  std::vector<float> mean(static_cast<std::size_t>(context.channels), 0), deviation(mean.size(), 1);
  for (const auto& component : transforms) {
    for (const auto& transform : factory.make(component, context)) {
      KeyedRandom random = data::SampleKey{0, 0, 0}.random("export");
      if (const data::ValueTables* tables = transform->tables()) {
        for (std::size_t c = 0; c < mean.size(); ++c) std::tie(mean[c], deviation[c]) = statistics((*tables)[c]);
      } else if (!transform->plan(window, random) || window.mirrored() || window.upturned() || window.padded()) {
        throw UserError("--with-preprocess: the transform '" + component.name +
                            "' of data.preprocess cannot be written into the file for images of " +
                            std::to_string(height) + "x" + std::to_string(width) + " pixels",
                        "leave --with-preprocess out, or name another --input-size");
      }
    }
  }
  rows_ = weight_matrix(window.rows(), height, window.interpolation());
  columns_ = weight_matrix(window.columns(), width, window.interpolation());
  if (columns_.defined()) columns_ = columns_.t();
  mean_ = per_channel(mean);
  deviation_ = per_channel(deviation);
}

torch::Tensor ImageInput::operator()(const torch::Tensor& images) const {
  torch::Tensor x = images.permute({0, 3, 1, 2});
  if (resizes()) x = x.to(torch::kDouble);
  if (columns_.defined()) x = rounded(torch::matmul(x, columns_));
  if (rows_.defined()) x = rounded(torch::matmul(rows_, x));
  return (x.to(torch::kFloat) / 255.0 - mean_) / deviation_;
}

}  // namespace mlrun::deploy
