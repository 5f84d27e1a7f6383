#pragma once

#include <optional>

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

#endif

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
