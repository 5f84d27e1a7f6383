#pragma once

#include <cstdint>
#include <vector>

#include "nn/layer.h"

/// What interceptors want of the lists of tensors at a door.
namespace mlrun::nn {

/// Clones, for what may work in place. What is absent stays absent.
inline Tensors copies(const Tensors& tensors) {
  Tensors result;
  for (const auto& tensor : tensors) result.push_back(tensor.defined() ? tensor.clone() : tensor);
  return result;
}

/// Whether some of them are shapes without numbers.
inline bool on_meta(const Tensors& tensors) {
  for (const auto& tensor : tensors) {
    if (tensor.defined() && tensor.is_meta()) return true;
  }
  return false;
}

/// The shape of each; of what is absent, none.
inline std::vector<std::vector<std::int64_t>> shapes_of(const Tensors& tensors) {
  std::vector<std::vector<std::int64_t>> shapes;
  for (const auto& tensor : tensors) {
    shapes.push_back(tensor.defined() ? tensor.sizes().vec() : std::vector<std::int64_t>());
  }
  return shapes;
}

/// The shape of the first; empty where there is none.
inline std::vector<std::int64_t> first_shape(const Tensors& tensors) {
  return tensors.empty() || !tensors.front().defined() ? std::vector<std::int64_t>() : tensors.front().sizes().vec();
}

}  // namespace mlrun::nn
