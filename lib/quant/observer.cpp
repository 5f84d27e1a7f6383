#include "quant/observer.h"

#include <limits>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "quant/range_observers.h"

namespace mlrun::quant {
namespace {

constexpr float kLeastScale = std::numeric_limits<float>::epsilon();

std::int64_t symmetric_zero_point(const Target& target) {
  if (target.dtype == torch::kQInt8) return 0;
  const bool whole = target.quant_min == 0 && target.quant_max == 255;
  return whole ? 128 : (target.quant_min + target.quant_max) / 2;
}

}  // namespace

Target activation_target(bool reduce_range) { return {torch::kQUInt8, 0, reduce_range ? 127 : 255, false}; }

Target weight_target() { return {torch::kQInt8, -128, 127, true}; }

Affine affine_of(const torch::Tensor& least, const torch::Tensor& most, const Target& target) {
  const torch::NoGradGuard no_gradients;
  const torch::Tensor low = least.clamp_max(0), high = most.clamp_min(0);
  const auto steps = static_cast<double>(target.quant_max - target.quant_min);
  if (target.symmetric) {
    const torch::Tensor scale = (torch::maximum(-low, high) / (steps / 2)).clamp_min(kLeastScale);
    return {scale, torch::full_like(scale, symmetric_zero_point(target), torch::kLong)};
  }
  const torch::Tensor scale = ((high - low) / steps).clamp_min(kLeastScale);
  const torch::Tensor zero = target.quant_min - torch::round(low / scale).to(torch::kInt);
  return {scale, zero.clamp(target.quant_min, target.quant_max).to(torch::kLong)};
}

Affine found_affine(const Observer& observer, const std::string& layer) {
  if (!observer.ready()) {
    throw UserError("the range of what " + layer + " puts out is not known: no sample went through it",
                    "calibrate with samples that reach it, or leave it float32 with quantize.skip");
  }
  Affine found = observer.affine();
  if (found.scale.isfinite().all().item<bool>()) return found;
  throw UserError("the values of " + layer + " span more than float32 holds",
                  "look at the model's weights, or leave the layer float32 with quantize.skip");
}

std::unique_ptr<Observer> make_activation_observer(const std::string& kind, const Target& target) {
  if (kind == "histogram") return std::make_unique<HistogramObserver>(target);
  MLRUN_ASSERT(kind == "min_max" || kind == "moving_average", "unknown observer " + kind);
  return std::make_unique<RangeObserver>(target, /*per_channel=*/false, kind == "moving_average");
}

std::unique_ptr<Observer> make_weight_observer(const std::string& kind, bool moving) {
  MLRUN_ASSERT(kind == "per_channel" || kind == "per_tensor", "unknown kind of weight scales " + kind);
  return std::make_unique<RangeObserver>(weight_target(), kind == "per_channel", moving);
}

}  // namespace mlrun::quant
