#pragma once

// The one header that knows LibTorch versions. It is for the floors that use LibTorch; base itself
// does not include it.

#include <ATen/autocast_mode.h>
#include <c10/core/CPUAllocator.h>
#include <torch/cuda.h>
#include <torch/types.h>
#include <torch/utils.h>
#include <torch/version.h>

#include <cstddef>
#include <cstdint>

namespace mlrun::compat {

/// `1.13.1`.
inline const char* torch_version() { return TORCH_VERSION; }

/// Reseeds the CPU's default generator, and every GPU's where there is one.
inline void manual_seed(std::uint64_t seed) { torch::manual_seed(seed); }

inline bool cuda_available() { return torch::cuda::is_available(); }
inline int cuda_count() { return static_cast<int>(torch::cuda::device_count()); }
/// Waits until the device has done what it was given.
inline void synchronize(const torch::Device& device) {
  if (device.is_cuda()) torch::cuda::synchronize(device.index());
}

// Since 2.4 one set of functions serves every device; before, the CPU's and CUDA's had names of their own.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)
inline bool autocast_enabled(torch::DeviceType device) { return at::autocast::is_autocast_enabled(device); }
inline void set_autocast_enabled(torch::DeviceType device, bool on) { at::autocast::set_autocast_enabled(device, on); }
inline torch::ScalarType autocast_type(torch::DeviceType device) { return at::autocast::get_autocast_dtype(device); }
inline void set_autocast_type(torch::DeviceType device, torch::ScalarType type) {
  at::autocast::set_autocast_dtype(device, type);
}
#else
inline bool autocast_enabled(torch::DeviceType device) {
  return device == torch::kCPU ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
}
inline void set_autocast_enabled(torch::DeviceType device, bool on) {
  if (device == torch::kCPU) at::autocast::set_cpu_enabled(on);
  else at::autocast::set_enabled(on);
}
inline torch::ScalarType autocast_type(torch::DeviceType device) {
  return device == torch::kCPU ? at::autocast::get_autocast_cpu_dtype() : at::autocast::get_autocast_gpu_dtype();
}
inline void set_autocast_type(torch::DeviceType device, torch::ScalarType type) {
  if (device == torch::kCPU) at::autocast::set_autocast_cpu_dtype(type);
  else at::autocast::set_autocast_gpu_dtype(type);
}
#endif

/// What gives tensors on the CPU their memory. Versions differ in whether allocating is const.
class CpuAllocator : public c10::Allocator {
 public:
  virtual c10::DataPtr take(std::size_t bytes) const = 0;
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 3)
  c10::DataPtr allocate(std::size_t bytes) final { return take(bytes); }
  void copy_data(void* to, const void* from, std::size_t bytes) const final { default_copy_data(to, from, bytes); }
#else
  c10::DataPtr allocate(std::size_t bytes) const final { return take(bytes); }
#endif
};

}  // namespace mlrun::compat
