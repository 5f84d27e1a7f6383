#pragma once

#include <optional>

#include <torch/types.h>

namespace mlrun::nn {

/// In which precision convolutions and matrix products run: LibTorch's autocast on one device.
struct Autocast {
  torch::DeviceType device = torch::kCPU;
  std::optional<torch::ScalarType> type;  ///< bfloat16 or half; null: as the tensors are
  bool cache = true;                      ///< whether casts of parameters are kept until the outermost scope ends

  /// What holds in this thread now.
  static Autocast current(torch::DeviceType device);
};

/// Sees to it that bfloat16 runs on this CPU: where oneDNN refuses it, as under DNNL_MAX_CPU_ISA, all that is left to
/// LibTorch's own kernels from then on, with a warning. AutocastScope asks for it by itself.
void ensure_bfloat16_on_cpu();

/// Sets it for this thread as long as the scope lives. Parameters stay float32, and so do what LibTorch lists as
/// needing it and the statistics of normalization.
class AutocastScope {
 public:
  explicit AutocastScope(const Autocast& wanted);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  Autocast before_;
};

}  // namespace mlrun::nn
