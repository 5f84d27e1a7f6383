#include "quant/range_observers.h"

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"

namespace mlrun::quant {
namespace {

void check_finite_range(const torch::Tensor& least, const torch::Tensor& most) {
  if (least.isfinite().all().item<bool>() && most.isfinite().all().item<bool>()) return;
  throw UserError("values that are to become int8 are not finite", "look at the model's weights and at the samples");
}

}  // namespace

void RangeObserver::observe(const torch::Tensor& values) {
  if (values.numel() == 0) return;
  const torch::NoGradGuard no_gradients;
  const torch::Tensor numbers = values.to(torch::kFloat);
  auto [least, most] = per_channel_ ? torch::aminmax(numbers.flatten(1), 1) : torch::aminmax(numbers);
  check_finite_range(least, most);
  least = least.cpu();
  most = most.cpu();
  if (!ready()) {
    least_ = least;
    most_ = most;
  } else if (moving_) {
    least_ = least_ + kMovingAverage * (least - least_);
    most_ = most_ + kMovingAverage * (most - most_);
  } else {
    least_ = torch::minimum(least_, least);
    most_ = torch::maximum(most_, most);
  }
}

Affine RangeObserver::affine() const {
  MLRUN_ASSERT(ready(), "nothing was observed");
  return affine_of(least_, most_, target());
}

void RangeObserver::save(data::State& state, const std::string& prefix) const {
  if (!ready()) return;
  state.put(prefix + "least", least_);
  state.put(prefix + "most", most_);
}

void RangeObserver::load(const data::State& state, const std::string& prefix) {
  least_ = most_ = torch::Tensor();
  if (!state.has(prefix + "least")) return;
  least_ = state.tensor(prefix + "least").clone();
  most_ = state.tensor(prefix + "most").clone();
}

}  // namespace mlrun::quant
