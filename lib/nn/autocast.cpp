#include "nn/autocast.h"

#include "base/torch_compat.h"

namespace mlrun::nn {
namespace {

void apply(const Autocast& wanted) {
  if (wanted.type) compat::set_autocast_type(wanted.device, *wanted.type);
  compat::set_autocast_enabled(wanted.device, wanted.type.has_value());
  at::autocast::set_autocast_cache_enabled(wanted.cache);
}

}  // namespace

Autocast Autocast::current(torch::DeviceType device) {
  Autocast now;
  now.device = device;
  if (compat::autocast_enabled(device)) now.type = compat::autocast_type(device);
  now.cache = at::autocast::is_autocast_cache_enabled();
  return now;
}

AutocastScope::AutocastScope(const Autocast& wanted) : before_(Autocast::current(wanted.device)) {
  at::autocast::increment_nesting();
  apply(wanted);
}

AutocastScope::~AutocastScope() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  apply(before_);
}

}  // namespace mlrun::nn
