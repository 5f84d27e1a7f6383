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
