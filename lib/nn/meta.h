#pragma once

#include <torch/types.h>

/// Inputs on the meta device have shapes without numbers; parameters need not be there with them.
namespace mlrun::nn {

/// `constant`, a parameter or what is made of them, for use together with `input`: its shape alone
/// where the input is one.
inline torch::Tensor beside(const torch::Tensor& input, const torch::Tensor& constant) {
  return input.is_meta() ? torch::empty(constant.sizes(), constant.options().device(torch::kMeta)) : constant;
}

}  // namespace mlrun::nn
