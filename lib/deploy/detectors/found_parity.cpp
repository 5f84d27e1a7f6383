#include "deploy/detectors/found_parity.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include <torch/utils.h>

#include "base/error.h"

namespace mlrun::deploy {
namespace {

constexpr double kLeastAgreement = 99;  // per cent

/// What was found in one image.
struct FoundRows {
  torch::Tensor boxes, scores, labels;
};

/// Whether these are what a detector gives: [n, 4], [n], int64 [n].
bool well_formed(const nn::Tensors& outputs) {
  if (outputs.size() != 3 || outputs[0].dim() != 2 || outputs[0].size(1) != 4) return false;
  const std::int64_t count = outputs[0].size(0);
  const auto list = [&](const torch::Tensor& values) { return values.dim() == 1 && values.size(0) == count; };
  return list(outputs[1]) && list(outputs[2]) && outputs[2].scalar_type() == torch::kLong;
}

FoundRows rows_of(const nn::Tensors& outputs) {
  return {outputs[0].to(torch::kDouble), outputs[1].to(torch::kDouble), outputs[2]};
}

/// Sums over all images.
struct Agreement {
  std::int64_t found = 0, alike = 0;
  double farthest = 0, largest = 0;  // pixels: of boxes that are alike, and the largest coordinate

  /// Pairs each row of the model's with the nearest of the file's that is free.
  void add(const FoundRows& model, const FoundRows& file, double pixels, double score) {
    const std::int64_t rows = model.boxes.size(0), others = file.boxes.size(0);
    found += std::max(rows, others);
    if (rows > 0) largest = std::max(largest, model.boxes.abs().max().item<double>());
    if (rows == 0 || others == 0) return;
    constexpr double kNever = std::numeric_limits<double>::infinity();
    const torch::Tensor away = (model.boxes.unsqueeze(1) - file.boxes.unsqueeze(0)).abs().amax(2);
    const torch::Tensor fits = away.le(pixels)
                                   .logical_and((model.scores.unsqueeze(1) - file.scores.unsqueeze(0)).abs().le(score))
                                   .logical_and(model.labels.unsqueeze(1).eq(file.labels.unsqueeze(0)));
    torch::Tensor distance = away.masked_fill(fits.logical_not(), kNever);
    for (std::int64_t i = 0; i < rows; ++i) {
      const auto [least, place] = distance[i].min(0);
      if (!std::isfinite(least.item<double>())) continue;
      ++alike;
      farthest = std::max(farthest, least.item<double>());
      distance.select(1, place.item<std::int64_t>()).fill_(kNever);
    }
  }

  double share() const { return found == 0 ? 100 : 100.0 * static_cast<double>(alike) / static_cast<double>(found); }
};

std::string what_failed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text.substr(text.rfind('\n') + 1);
}

/// Runs the file on one image; why it could not, or nothing.
std::string add_image(Agreement& sums, const nn::Tensors& expected, const Runner& exported, const torch::Tensor& image,
                      const Tolerance& tolerance) {
  const auto side = static_cast<double>(std::max(image.size(2), image.size(3)));
  try {
    const nn::Tensors outputs = exported({image});
    if (!well_formed(outputs)) return "its outputs are no boxes, scores and labels";
    sums.add(rows_of(expected), rows_of(outputs), tolerance.largest * side, tolerance.largest);
    return "";
  } catch (const UserError&) {
    throw;
  } catch (const c10::Error& error) {
    return what_failed(error.what_without_backtrace());
  } catch (const std::runtime_error& error) {
    return what_failed(error.what());
  }
}

}  // namespace

Parity compare_found(const std::string& engine, const Runner& model, const Runner& exported,
                     const torch::Tensor& images, const Tolerance& tolerance) {
  const torch::NoGradGuard no_gradients;
  Parity parity;
  Agreement sums;
  for (std::int64_t i = 0; i < images.size(0) && parity.failure.empty(); ++i) {
    const torch::Tensor image = images.narrow(0, i, 1);
    parity.failure = add_image(sums, model({image}), exported, image, tolerance);
  }
  parity.engine = engine;
  parity.samples = images.size(0);
  parity.max_difference = sums.farthest;
  parity.scale = sums.largest;
  parity.found = sums.found;
  parity.found_agreement = sums.share();
  parity.tolerance = tolerance;
  parity.met = parity.failure.empty() && sums.share() >= kLeastAgreement;
  return parity;
}

}  // namespace mlrun::deploy
