#include "nn/autocast.h"

#include <exception>
#include <mutex>

#include <ATen/Context.h>

#include "base/log.h"
#include "base/torch_compat.h"

namespace mlrun::nn {
namespace {

void apply(const Autocast& wanted) {
  if (wanted.type) compat::set_autocast_type(wanted.device, *wanted.type);
  compat::set_autocast_enabled(wanted.device, wanted.type.has_value());
  at::autocast::set_autocast_cache_enabled(wanted.cache);
}

/// LibTorch asks the processor whether oneDNN can, and not oneDNN.
bool onednn_has_bfloat16() {
  const torch::NoGradGuard no_gradients;
  try {
    const auto values = torch::zeros({2, 16, 4, 4}, torch::kBFloat16);
    torch::conv2d(values, torch::zeros({16, 16, 3, 3}, torch::kBFloat16));
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

void ensure_bfloat16_on_cpu() {
  static std::once_flag asked;
  std::call_once(asked, [] {
    if (onednn_has_bfloat16()) return;
    at::globalContext().setUserEnabledMkldnn(false);
    log::warning(
        "oneDNN does not compute in bfloat16 here (DNNL_MAX_CPU_ISA may hold it to fewer instructions than the "
        "processor has): LibTorch's own kernels do, and are slower");
  });
}

Autocast Autocast::current(torch::DeviceType device) {
  Autocast now;
  now.device = device;
  if (compat::autocast_enabled(device)) now.type = compat::autocast_type(device);
  now.cache = at::autocast::is_autocast_cache_enabled();
  return now;
}

AutocastScope::AutocastScope(const Autocast& wanted) : before_(Autocast::current(wanted.device)) {
  if (wanted.device == torch::kCPU && wanted.type == torch::kBFloat16) ensure_bfloat16_on_cpu();
  at::autocast::increment_nesting();
  apply(wanted);
}

AutocastScope::~AutocastScope() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  apply(before_);
}

}  // namespace mlrun::nn
