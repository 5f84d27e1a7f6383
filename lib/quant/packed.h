#pragma once

#include <cstdint>
#include <vector>

#include <ATen/core/ivalue.h>
#include <torch/types.h>

/// LibTorch's packed parameters, which differ by engine, as plain numbers again.
namespace mlrun::quant {

struct PackedWeight {
  torch::Tensor weight;  ///< int8, around 0; shares the parameters' memory
  torch::Tensor scale;   ///< float32 [out], or without dimensions for the whole tensor
  torch::Tensor bias;    ///< float32 [out]; undefined without
};

struct PackedConv2d : PackedWeight {
  std::vector<std::int64_t> stride, padding, dilation;
  std::int64_t groups = 1;
};

PackedWeight unpack_linear(const c10::IValue& packed);
PackedConv2d unpack_conv2d(const c10::IValue& packed);

}  // namespace mlrun::quant
