#include "engine/compute.h"

#include "base/error.h"
#include "base/log.h"
#include "engine/ports.h"
#include "nn/recompute.h"

namespace mlrun::engine {

/// One model with activation checkpointing at its doors.
struct Compute::Recomputed {
  explicit Recomputed(nn::Layer& model) : recompute(model), scope(model, recompute) {}
  nn::Recompute recompute;
  nn::InterceptorScope scope;
};

Compute::Compute(const Models& models, const config::TrainSection& train, const Context& context) {
  autocast_.device = context.device.type();
  if (train.amp == "bf16") {
    autocast_.type = torch::kBFloat16;
    if (context.device.is_cpu()) nn::ensure_bfloat16_on_cpu();
  }
  if (train.amp == "fp16") {
    if (context.device.is_cpu()) {
      throw UserError(
          Problem{"", 0, 0, "train.amp", "fp16 needs CUDA, and this training runs on the CPU", "use bf16 or none"});
    }
    autocast_.type = torch::kHalf;
    for (const auto& model : models) scalers_[model.first];
  }
  if (!train.activation_checkpointing) return;
  for (const auto& model : models) recomputed_.push_back(std::make_unique<Recomputed>(*model.second));
}

Compute::~Compute() = default;

data::Fields Compute::run(nn::Layer& model, const data::Fields& inputs) const {
  if (!autocast_.type) return run_model(model, inputs);
  const nn::AutocastScope scope(autocast_);
  nn::Tensors outputs = model.run(port_tensors(model, inputs));
  for (auto& output : outputs) {
    if (output.scalar_type() == *autocast_.type) output = output.to(torch::kFloat);
  }
  return port_fields(model, outputs);
}

optim::GradScaler* Compute::scaler(const std::string& model) {
  const auto found = scalers_.find(model);
  return found == scalers_.end() ? nullptr : &found->second;
}

void Compute::save(data::State& state, const std::string& prefix) const {
  for (const auto& [model, scaler] : scalers_) scaler.save(state, scalers_.size() == 1 ? prefix : prefix + model + ".");
}

void Compute::load(const data::State& state, const std::string& prefix) {
  for (auto& [model, scaler] : scalers_) {
    const std::string own = prefix + model + ".";
    scaler.load(state, state.has(own + "scaler") ? own : prefix);  // models shared one before 0.2
  }
}

bool has_fast_bf16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  return true;
#endif
}

void warn_of_slow_precision(const config::TrainSection& train, const Context& context) {
  if (train.amp != "bf16" || !context.device.is_cpu() || has_fast_bf16()) return;
  log::warning("train.amp: bf16 is much slower than none on this CPU, which has no AVX-512");
}

}  // namespace mlrun::engine
