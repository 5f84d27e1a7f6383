#include "quant/packed.h"

#include <ATen/native/quantized/PackedParams.h>
#include <torch/custom_class.h>

#include "base/error.h"

namespace mlrun::quant {
namespace {

/// The integers of a quantized tensor, without a copy.
torch::Tensor integers_of(const torch::Tensor& quantized) {
  return torch::from_blob(
      quantized.data_ptr(), quantized.sizes(), quantized.strides(), [quantized](void*) {}, torch::kChar);
}

torch::Tensor weight_scale_of(const torch::Tensor& quantized) {
  if (quantized.qscheme() == torch::kPerTensorAffine) return torch::scalar_tensor(quantized.q_scale(), torch::kFloat);
  MLRUN_ASSERT(quantized.q_per_channel_axis() == 0, "a weight has scales along another axis than its outputs'");
  return quantized.q_per_channel_scales().to(torch::kFloat);
}

template <class Packed>
void fill(PackedWeight& plain, Packed& packed) {
  const auto [weight, bias] = packed.unpack();
  plain.weight = integers_of(weight);
  plain.scale = weight_scale_of(weight);
  if (bias) plain.bias = *bias;
}

}  // namespace

PackedWeight unpack_linear(const c10::IValue& packed) {
  PackedWeight plain;
  fill(plain, *packed.toCustomClass<LinearPackedParamsBase>());
  return plain;
}

PackedConv2d unpack_conv2d(const c10::IValue& packed) {
  const auto conv = packed.toCustomClass<ConvPackedParamsBase<2>>();
  PackedConv2d plain;
  fill(plain, *conv);
  plain.stride = conv->stride().vec();
  plain.padding = conv->padding().vec();
  plain.dilation = conv->dilation().vec();
  plain.groups = conv->groups();
  return plain;
}

}  // namespace mlrun::quant
