#include "recipes/classification/metrics/per_sample.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <torch/types.h>

#include "base/error.h"

namespace mlrun::classification {
namespace {

UserError bad_label(std::int64_t label, std::int64_t width, const data::Batch& batch, std::int64_t at) {
  const auto i = static_cast<std::size_t>(at);
  return UserError("sample '" + (i < batch.ids.size() ? batch.ids[i] : std::to_string(at)) + "' has label " +
                       std::to_string(label) + ", but there are " + std::to_string(width) + " classes",
                   "labels go from 0 to the number of classes minus one");
}

}  // namespace

bool Row::invalid() const {
  const auto is_nan = [](double value) { return std::isnan(value); };
  return std::any_of(logits, logits + classes, is_nan) || !std::isfinite(*std::max_element(logits, logits + classes));
}

std::int64_t Row::rank() const {
  if (invalid()) return kInvalid;
  std::int64_t before = 0;
  for (std::int64_t i = 0; i < classes; ++i) {
    if (logits[i] > logits[label] || (logits[i] == logits[label] && i < label)) ++before;
  }
  return before;
}

std::int64_t Row::predicted() const {
  return invalid() ? kInvalid : std::max_element(logits, logits + classes) - logits;
}

double Row::cross_entropy() const {
  if (invalid()) return std::numeric_limits<double>::quiet_NaN();
  const double largest = *std::max_element(logits, logits + classes);
  double sum = 0;
  for (std::int64_t i = 0; i < classes; ++i) sum += std::exp(logits[i] - largest);
  return std::log(sum) - (logits[label] - largest);
}

void PerSample::update(const data::Fields& prediction, const data::Batch& batch) {
  const torch::Tensor logits = prediction.tensor("logits").detach().to(torch::kCPU, torch::kFloat64).contiguous();
  const torch::Tensor labels = batch.targets.tensor("label").to(torch::kCPU).contiguous();
  MLRUN_ASSERT(logits.dim() == 2 && labels.dim() == 1 && logits.size(0) == labels.size(0) &&
                   labels.scalar_type() == torch::kInt64,
               "metrics of classification take logits [N, C] and int64 labels [N]");
  const std::int64_t width = logits.size(1);
  check_width(width);
  for (std::int64_t i = 0; i < labels.size(0); ++i) {
    const std::int64_t label = labels.data_ptr<std::int64_t>()[i];
    if (label < 0 || label >= width) throw bad_label(label, width, batch, i);
    add({logits.data_ptr<double>() + i * width, width, label});
  }
}

void PerSample::check_width(std::int64_t width) const {
  if (classes_.empty() || width == static_cast<std::int64_t>(classes_.size())) return;
  throw UserError(
      "the model tells " + std::to_string(width) + " classes apart, the data has " + std::to_string(classes_.size()),
      "evaluate it on data with the classes it was trained for");
}

}  // namespace mlrun::classification
