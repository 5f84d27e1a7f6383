#include "quant/calibration_data.h"

#include <algorithm>
#include <map>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "base/random.h"
#include "engine/ports.h"

namespace mlrun::quant {
namespace {

/// The positions of each class, in a random order; samples that have not one class are together.
std::vector<std::vector<std::int64_t>> drawn_by_class(const data::Source& source, std::uint64_t seed) {
  std::map<std::int64_t, std::vector<std::int64_t>> of_class;
  for (std::int64_t i = 0; i < source.size(); ++i) of_class[source.facts(i).label().value_or(0)].push_back(i);
  std::vector<std::vector<std::int64_t>> drawn;
  for (auto& [label, positions] : of_class) {
    KeyedRandom random(seed, "calibration", 0, static_cast<std::uint64_t>(label));
    for (std::size_t i = positions.size(); i > 1; --i) {
      std::swap(positions[i - 1], positions[random.below(i)]);
    }
    drawn.push_back(std::move(positions));
  }
  return drawn;
}

bool varied(const torch::Tensor& first, const torch::Tensor& tensor) {
  const bool rows = tensor.dim() > 0 && first.dim() > 0 && first.size(0) > 0 && tensor.size(0) > 0;
  return rows && !tensor.eq(first.slice(0, 0, 1)).all().item<bool>();
}

/// Ranges found on samples that all say the same would fit nothing else.
void check_varied(const std::vector<ModelInputs>& batches) {
  bool any = false;
  for (const auto& batch : batches) {
    for (const auto& [name, tensors] : batch) {
      for (std::size_t i = 0; i < tensors.size(); ++i) {
        if (!torch::isfinite(tensors[i]).all().item<bool>()) {
          throw UserError("the samples to calibrate with hold numbers that are not finite", "look at data.preprocess");
        }
        any = any || varied(batches.front().at(name).at(i), tensors[i]);
      }
    }
    if (any) return;
  }
  throw UserError("the samples to calibrate with are all the same, so no range can be found on them",
                  "take more of them with quantize.samples, or other data");
}

}  // namespace

std::vector<std::int64_t> spread_over_classes(const data::Source& source, std::int64_t count, std::uint64_t seed) {
  const auto classes = drawn_by_class(source, seed);
  const auto wanted = static_cast<std::size_t>(std::min(count, source.size()));
  std::vector<std::int64_t> chosen;
  for (std::size_t turn = 0; chosen.size() < wanted; ++turn) {
    for (const auto& positions : classes) {
      if (turn < positions.size() && chosen.size() < wanted) chosen.push_back(positions[turn]);
    }
  }
  return chosen;
}

std::vector<ModelInputs> calibration_batches(engine::Task& task, const CalibrationOptions& options) {
  const auto source = task.evaluation_source(data::Split::Train);
  if (!source || source->size() == 0) {
    throw UserError("there are no training samples to calibrate with", "name a recipe with data that has some");
  }
  const auto positions = spread_over_classes(*source, options.samples, options.seed);
  std::vector<ModelInputs> batches;
  for (std::size_t begin = 0; begin < positions.size(); begin += static_cast<std::size_t>(options.batch_size)) {
    std::vector<data::SampleKey> keys;
    const std::size_t end = std::min(positions.size(), begin + static_cast<std::size_t>(options.batch_size));
    for (std::size_t i = begin; i < end; ++i) keys.push_back({positions[i], 0, options.seed});
    data::SamplesRead read = data::read_samples(*source, keys, options.on_error);
    if (!read.samples.empty()) batches.push_back(engine::model_inputs(task, task.collate(std::move(read.samples))));
  }
  if (batches.empty()) {
    throw UserError("none of the training samples to calibrate with can be read", "mend the data");
  }
  check_varied(batches);
  return batches;
}

}  // namespace mlrun::quant
