#include "deploy/parity.h"

#include <algorithm>
#include <cmath>
#include <sstream>

#include <torch/types.h>
#include <torch/utils.h>

namespace mlrun::deploy {
namespace {

/// Sums over everything that was compared.
struct Differences {
  double largest = 0, sum = 0, scale = 0;
  std::int64_t elements = 0, rows = 0, agreeing = 0;
  bool choosing = false;  // rows are scores of which the largest counts

  void add(const torch::Tensor& expected, const torch::Tensor& found) {
    const torch::Tensor difference = (expected - found).abs();
    largest = std::max(largest, difference.max().item<double>());
    if (difference.isnan().any().item<bool>()) largest = std::nan("");
    sum += difference.sum().item<double>();
    scale = std::max(scale, expected.abs().max().item<double>());
    elements += difference.numel();
    rows += expected.size(0);
    choosing = expected.dim() == 2 && expected.size(1) > 1;
    if (choosing) agreeing += expected.argmax(1).eq(found.argmax(1)).sum().item<std::int64_t>();
  }
};

}  // namespace

Parity compare(const std::string& engine, const Runner& model, const Runner& exported, const torch::Tensor& samples,
               const Tolerance& tolerance) {
  const torch::NoGradGuard no_gradients;
  const std::int64_t total = samples.size(0);
  Differences differences;
  for (const std::int64_t batch : {std::int64_t{1}, std::min<std::int64_t>(3, total), total}) {
    for (std::int64_t begin = 0; begin < total; begin += batch) {
      const torch::Tensor part = samples.narrow(0, begin, std::min(batch, total - begin));
      const torch::Tensor expected = model(part).to(torch::kDouble), found = exported(part).to(torch::kDouble);
      if (found.sizes() != expected.sizes())
        return {engine, total, std::nan(""), std::nan(""), 0, std::nullopt, tolerance, false};
      differences.add(expected, found);
    }
  }
  Parity parity{engine,
                total,
                differences.largest,
                differences.sum / static_cast<double>(differences.elements),
                differences.scale,
                std::nullopt,
                tolerance,
                false};
  if (differences.choosing) {
    parity.top1_agreement = 100.0 * static_cast<double>(differences.agreeing) / static_cast<double>(differences.rows);
  }
  const bool mean_met = std::isinf(tolerance.mean) || parity.mean_difference <= tolerance.mean * parity.scale;
  parity.met = parity.max_difference <= tolerance.largest * parity.scale && mean_met;  // false for NaN
  return parity;
}

Json to_json(const Parity& parity) {
  Json json = {{"engine", parity.engine},
               {"samples", parity.samples},
               {"max_difference", parity.max_difference},
               {"mean_difference", parity.mean_difference},
               {"largest_output", parity.scale},
               {"top1_agreement", parity.top1_agreement ? Json(*parity.top1_agreement) : Json(nullptr)},
               {"tolerance", parity.tolerance.largest},
               {"verdict", parity.met ? "met" : "differs"}};
  if (std::isfinite(parity.tolerance.mean)) json["mean_tolerance"] = parity.tolerance.mean;
  return json;
}

std::string text(const Parity& parity) {
  std::ostringstream line;
  line.precision(2);
  line << parity.engine << ": largest difference " << parity.max_difference;
  if (std::isfinite(parity.tolerance.mean)) line << ", on average " << parity.mean_difference;
  line << " (outputs up to " << parity.scale << ") over " << parity.samples << " samples";
  line.precision(5);
  if (parity.top1_agreement) line << ", the same answer for " << *parity.top1_agreement << " %";
  line << ": " << (parity.met ? "met" : "differs");
  if (parity.met && parity.scale == 0) line << ", which shows nothing where all outputs are 0";
  return line.str();
}

}  // namespace mlrun::deploy
