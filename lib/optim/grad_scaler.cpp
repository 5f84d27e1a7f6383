#include "optim/grad_scaler.h"

#include <limits>

#include <torch/types.h>

namespace mlrun::optim {
namespace {

constexpr double kGrowth = 2, kBackoff = 0.5;
constexpr std::int64_t kGrowthInterval = 2000;
constexpr double kSmallest = 1.0 / 65536;

}  // namespace

void GradScaler::unscale(const NamedTensors& parameters) const {
  for (const auto& parameter : parameters) {
    if (parameter.second.grad().defined()) parameter.second.mutable_grad().mul_(1 / scale_);
  }
}

void GradScaler::update() {
  if (overflowed_) {
    scale_ *= kBackoff;
    sound_ = 0;
    ++skipped_;
  } else if (++sound_ == kGrowthInterval) {
    const double grown = scale_ * kGrowth;
    if (grown <= static_cast<double>(std::numeric_limits<float>::max())) scale_ = grown;
    sound_ = 0;
  }
  overflowed_ = false;
}

bool GradScaler::exhausted() const { return scale_ < kSmallest; }

void GradScaler::save(data::State& state, const std::string& prefix) const {
  state.put(prefix + "scaler", Json{{"scale", scale_}, {"sound", sound_}, {"skipped", skipped_}});
}

void GradScaler::load(const data::State& state, const std::string& prefix) {
  const Json& saved = state.value(prefix + "scaler");
  scale_ = saved.at("scale").get<double>();
  sound_ = saved.at("sound").get<std::int64_t>();
  skipped_ = saved.at("skipped").get<std::int64_t>();
}

}  // namespace mlrun::optim
