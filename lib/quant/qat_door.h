#pragma once

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "nn/flow/calls.h"
#include "quant/layout.h"

namespace mlrun::quant {

/// What quantization-aware training rounds: an activation at a site (`first`: met there before anything else rounds it)
/// and a layer's weight.
struct Rounding {
  std::function<torch::Tensor(std::size_t site, const torch::Tensor& values, bool first)> activation;
  std::function<torch::Tensor(const nn::Layer& layer, const torch::Tensor& values)> weight;
};

/// Runs a layout's layers as int8 will, with `Rounding` in place of integers. Model and layout must outlive it.
class QatDoor : public nn::Interceptor {
 public:
  QatDoor(const nn::Layer& model, const Layout& layout, Rounding rounding);
  nn::Tensors around(nn::Layer& layer, const nn::Tensors& inputs, const Proceed& proceed) override;

 private:
  struct Input {
    std::size_t number, site;
    bool first;
  };
  /// What is done at a leaf.
  struct Part {
    std::vector<Input> inputs;  // that come as float and are rounded here
    int output = -1;            // site of what the layer gives
    nn::Conv2d* conv = nullptr;
    nn::Linear* linear = nullptr;
    const nn::BatchNorm2d* norm = nullptr;  // folded into the convolution
  };

  void add_kernel(std::size_t leaf);
  torch::Tensor convolve(const Part& part, const torch::Tensor& input) const;

  const Layout& layout_;
  Rounding rounding_;
  nn::CallCounter calls_;
  std::map<std::size_t, Part> parts_;
};

}  // namespace mlrun::quant
