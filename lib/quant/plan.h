#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/types.h>

/// An int8 model as plain data: what runs, what is written to a file, what is translated to other formats.
namespace mlrun::quant {

/// real = (integer - zero_point) * scale, the integer being unsigned with 8 bits.
struct Scale {
  double scale = 1;
  std::int64_t zero_point = 0;
};

/// An int8 kernel, for all calls of its layer in a pass. Layers are named by their paths.
struct Int8Node {
  std::string path;                 ///< of the convolution, linear layer, addition, ...
  std::string op;                   ///< as LayoutStep::op; also linear_dynamic, and pass (Role::Pass)
  std::string activation;           ///< relu, relu6 or none
  std::vector<std::string> folded;  ///< batch norm and activation that it computes too, in their order
  std::vector<Scale> inputs;        ///< of each input; those that come as float become integers so
  Scale output;                     ///< not of pass and linear_dynamic
  bool float_output = false;        ///< what takes its output needs float
  std::int64_t calls = 1;           ///< how often the layer ran in the pass that the plan was made of

  // Of conv2d, linear and linear_dynamic alone.
  torch::Tensor weight;        ///< int8, as the layer's; integers around 0
  torch::Tensor weight_scale;  ///< float32: [out], or without dimensions for the whole tensor
  torch::Tensor bias;          ///< float32 [out]; undefined without

  /// The layer whose output the kernel gives.
  const std::string& last() const { return folded.empty() ? path : folded.back(); }
};

/// A layer that runs on float tensors.
struct FloatLayer {
  std::string path, type, reason;
};

struct Int8Plan {
  std::string method;  ///< ptq, qat or dynamic
  std::string engine;  ///< onednn, qnnpack, fbgemm or x86: what it was made for
  bool reduce_range = false;
  std::vector<Int8Node> nodes;  ///< in the order in which they run
  std::vector<FloatLayer> float_layers;

  /// The node of this layer, nullptr where it has none.
  const Int8Node* find(const std::string& path) const;
};

/// Kernels of the plan that compute (not `pass`).
std::int64_t int8_layers(const Int8Plan& plan);

}  // namespace mlrun::quant
