#pragma once

#include <optional>
#include <string>

#include <oneapi/dnnl/dnnl.hpp>

#include "nn/layers.h"

/// The one header that knows oneDNN's versions (2.6 and 3): how primitives and post-operations are described.
namespace mlrun::deploy::onednn {

using Dims = dnnl::memory::dims;
using Desc = dnnl::memory::desc;

inline Dims pair_of(const nn::Pair& value) { return {(*value)[0], (*value)[1]}; }

struct Convolution {
  Desc src, weights, bias, dst;
  Dims stride, dilation, padding;  ///< dilation as oneDNN counts it: 0 is none
  Dims padding_after;
};

struct Pooling {
  dnnl::algorithm kind = dnnl::algorithm::pooling_max;
  Desc src, dst;
  Dims kernel, stride, padding, padding_after;
};

struct InnerProduct {
  Desc src, weights, bias, dst;
};

#if DNNL_VERSION_MAJOR >= 3

inline void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm kind, float alpha, float beta) {
  ops.append_eltwise(kind, alpha, beta);
}

inline dnnl::convolution_forward::primitive_desc describe(const dnnl::engine& engine, const Convolution& c,
                                                          const dnnl::primitive_attr& attr) {
  return {engine,
          dnnl::prop_kind::forward_inference,
          dnnl::algorithm::convolution_direct,
          c.src,
          c.weights,
          c.bias,
          c.dst,
          c.stride,
          c.dilation,
          c.padding,
          c.padding_after,
          attr,
          true};
}

inline dnnl::pooling_forward::primitive_desc describe(const dnnl::engine& engine, const Pooling& p,
                                                      const dnnl::primitive_attr& attr) {
  const Dims dilation(p.kernel.size(), 0);
  return {engine,    dnnl::prop_kind::forward_inference,
          p.kind,    p.src,
          p.dst,     p.stride,
          p.kernel,  dilation,
          p.padding, p.padding_after,
          attr,      true};
}

inline dnnl::inner_product_forward::primitive_desc describe(const dnnl::engine& engine, const InnerProduct& p,
                                                            const dnnl::primitive_attr& attr) {
  return {engine, dnnl::prop_kind::forward_inference, p.src, p.weights, p.bias, p.dst, attr, true};
}

inline dnnl::deconvolution_forward::primitive_desc describe_transposed(const dnnl::engine& engine, const Convolution& c,
                                                                       const dnnl::primitive_attr& attr) {
  return {engine,
          dnnl::prop_kind::forward_inference,
          dnnl::algorithm::deconvolution_direct,
          c.src,
          c.weights,
          c.bias,
          c.dst,
          c.stride,
          c.dilation,
          c.padding,
          c.padding_after,
          attr,
          true};
}

#else

inline void append_eltwise(dnnl::post_ops& ops, dnnl::algorithm kind, float alpha, float beta) {
  ops.append_eltwise(1.0f, kind, alpha, beta);
}

inline dnnl::convolution_forward::primitive_desc describe(const dnnl::engine& engine, const Convolution& c,
                                                          const dnnl::primitive_attr& attr) {
  return {{dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, c.src, c.weights, c.bias, c.dst,
           c.stride, c.dilation, c.padding, c.padding_after},
          attr,
          engine,
          true};
}

inline dnnl::pooling_forward::primitive_desc describe(const dnnl::engine& engine, const Pooling& p,
                                                      const dnnl::primitive_attr& attr) {
  return {{dnnl::prop_kind::forward_inference, p.kind, p.src, p.dst, p.stride, p.kernel, p.padding, p.padding_after},
          attr,
          engine,
          true};
}

inline dnnl::inner_product_forward::primitive_desc describe(const dnnl::engine& engine, const InnerProduct& p,
                                                            const dnnl::primitive_attr& attr) {
  return {{dnnl::prop_kind::forward_inference, p.src, p.weights, p.bias, p.dst}, attr, engine, true};
}

inline dnnl::deconvolution_forward::primitive_desc describe_transposed(const dnnl::engine& engine, const Convolution& c,
                                                                       const dnnl::primitive_attr& attr) {
  return {{dnnl::prop_kind::forward_inference, dnnl::algorithm::deconvolution_direct, c.src, c.weights, c.bias, c.dst,
           c.stride, c.dilation, c.padding, c.padding_after},
          attr,
          engine,
          true};
}

#endif

/// How an implementation computes, the best kind first.
enum class Kind { Direct, Unfolding, Reference };

/// By oneDNN's name of it: `gemm` unfolds the image first, `ref` is there to be right and may take a thousand times as
/// long as others.
inline Kind kind_of(const std::string& implementation) {
  const auto has = [&](const char* part) { return implementation.find(part) != std::string::npos; };
  if (has("ref")) return Kind::Reference;
  return has("gemm") ? Kind::Unfolding : Kind::Direct;
}

inline std::string implementation(const dnnl::primitive& primitive) {
  const char* name = nullptr;
  dnnl_primitive_desc_query(primitive.get_primitive_desc(), dnnl_query_impl_info_str, 0, &name);
  return name ? name : "";
}

/// The instruction set that oneDNN takes on this processor, with what the user forbids (DNNL_MAX_CPU_ISA).
inline std::string instruction_set() {
  switch (dnnl::get_effective_cpu_isa()) {
    case dnnl::cpu_isa::sse41: return "SSE4.1";
    case dnnl::cpu_isa::avx: return "AVX";
    case dnnl::cpu_isa::avx2: return "AVX2";
    case dnnl::cpu_isa::avx2_vnni: return "AVX2_VNNI";
    case dnnl::cpu_isa::avx512_core: return "AVX512_CORE";
    case dnnl::cpu_isa::avx512_core_vnni: return "AVX512_CORE_VNNI";
    case dnnl::cpu_isa::avx512_core_bf16: return "AVX512_CORE_BF16";
    case dnnl::cpu_isa::avx512_core_amx: return "AVX512_CORE_AMX";
#if DNNL_VERSION_MAJOR >= 3
    case dnnl::cpu_isa::avx2_vnni_2: return "AVX2_VNNI_2";
    case dnnl::cpu_isa::avx512_core_fp16: return "AVX512_CORE_FP16";
    case dnnl::cpu_isa::avx512_core_amx_fp16: return "AVX512_CORE_AMX_FP16";
#endif
    default: return "of another name";
  }
}

/// 2.6 has no hardsigmoid: it is a line, clipped. Hardswish's factors are arguments from 3.0 on.
inline void append_activation(dnnl::post_ops& ops, const std::optional<nn::Act>& act) {
  using dnnl::algorithm;
  if (!act) return;
  constexpr float kSixth = 1.0f / 6.0f;
  switch (*act) {
    case nn::Act::Relu: return append_eltwise(ops, algorithm::eltwise_relu, 0, 0);
    case nn::Act::Relu6: return append_eltwise(ops, algorithm::eltwise_clip, 0, 6);
    case nn::Act::Hardswish: return append_eltwise(ops, algorithm::eltwise_hardswish, kSixth, 0.5f);
    case nn::Act::Hardsigmoid:
      append_eltwise(ops, algorithm::eltwise_linear, kSixth, 0.5f);
      return append_eltwise(ops, algorithm::eltwise_clip, 0, 1);
    case nn::Act::Sigmoid: return append_eltwise(ops, algorithm::eltwise_logistic, 0, 0);
    case nn::Act::Silu: return append_eltwise(ops, algorithm::eltwise_swish, 1, 0);
    case nn::Act::Gelu: return append_eltwise(ops, algorithm::eltwise_gelu_erf, 0, 0);
    case nn::Act::Tanh: return append_eltwise(ops, algorithm::eltwise_tanh, 0, 0);
  }
}

}  // namespace mlrun::deploy::onednn
