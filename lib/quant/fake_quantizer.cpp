#include "quant/fake_quantizer.h"

#include <limits>

#include <torch/types.h>

#include "base/error.h"
#include "quant/range_observers.h"

namespace mlrun::quant {

FakeQuantizer::FakeQuantizer(const Target& target, bool per_channel)
    : target_(target),
      per_channel_(per_channel),
      scale_(torch::ones({1})),
      zero_point_(torch::zeros({1}, torch::kInt)),
      on_(torch::ones({1}, torch::kLong)),
      off_(torch::zeros({1}, torch::kLong)) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  least_ = per_channel ? torch::empty({0}) : torch::tensor(kInfinity);
  most_ = per_channel ? torch::empty({0}) : torch::tensor(-kInfinity);
}

torch::Tensor FakeQuantizer::operator()(const torch::Tensor& values, bool observe) {
  move_to(values.device());
  seen_ = seen_ || observe;
  try {
    const torch::Tensor rounded = at::fused_moving_avg_obs_fake_quant(
        values, observe ? on_ : off_, on_, least_, most_, scale_, zero_point_, kMovingAverage, target_.quant_min,
        target_.quant_max, per_channel_ ? 0 : -1, per_channel_, target_.symmetric);
    // Where it does not look at the range, it would make a number of NaN: 0 is added, or NaN.
    return observe ? rounded : rounded + (values - values).detach();
  } catch (const c10::Error&) {
    // It refuses NaN. The loss will be NaN, too, and the trainer says what that means.
    if (values.isfinite().all().item<bool>()) throw;
    return values;
  }
}

Affine FakeQuantizer::affine(const std::string& layer) const {
  if (!seen_) {
    throw UserError("the range of " + layer + " is not known: no sample went through it in training",
                    "train for an epoch, or leave it float32 with quantize.skip");
  }
  const Affine found = affine_of(least_.cpu(), most_.cpu(), target_);
  return per_channel_ ? found : Affine{found.scale.reshape({}), found.zero_point.reshape({})};
}

void FakeQuantizer::move_to(const torch::Device& device) {
  if (least_.device() == device) return;
  for (torch::Tensor* tensor : {&least_, &most_, &scale_, &zero_point_, &on_, &off_}) *tensor = tensor->to(device);
}

void FakeQuantizer::save(data::State& state, const std::string& prefix) const {
  if (!seen_) return;
  state.put(prefix + "least", least_);
  state.put(prefix + "most", most_);
  state.put(prefix + "scale", scale_);
  state.put(prefix + "zero_point", zero_point_);
}

void FakeQuantizer::load(const data::State& state, const std::string& prefix) {
  seen_ = state.has(prefix + "least");
  if (!seen_) return;
  const auto take = [&](const char* name) { return state.tensor(prefix + name).clone(); };
  least_ = take("least");
  most_ = take("most");
  scale_ = take("scale");
  zero_point_ = take("zero_point");
  move_to(on_.device());
}

}  // namespace mlrun::quant
