#pragma once

// The one header that knows LibTorch versions. It is for the floors that use LibTorch; base itself
// does not include it.

#include <torch/torch.h>
#include <torch/version.h>

#include <cstdint>

namespace mlrun::compat {

/// `1.13.1`.
inline const char* torch_version() { return TORCH_VERSION; }

/// Reseeds the CPU's default generator, and every GPU's where there is one.
inline void manual_seed(std::uint64_t seed) { torch::manual_seed(seed); }

inline bool cuda_available() { return torch::cuda::is_available(); }
inline int cuda_count() { return static_cast<int>(torch::cuda::device_count()); }

}  // namespace mlrun::compat
