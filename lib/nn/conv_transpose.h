#pragma once

#include <cstdint>

#include "nn/layer.h"

namespace mlrun::nn {

struct ConvTransposeOptions {
  std::int64_t in = 0, out = 0;  ///< channels
  std::int64_t kernel = 2, stride = 2, padding = 0;
};

/// The gradient of a convolution by its input, as a layer: makes maps larger by `stride`.
class ConvTranspose2d : public UnaryLayer {
 public:
  explicit ConvTranspose2d(const ConvTransposeOptions& options);
  torch::Tensor forward(const torch::Tensor& input) override;
  void reset() override;
  int64_t macs(const Tensors& inputs, const Tensors& outputs) const override;
  const ConvTransposeOptions& options() const { return options_; }

  torch::Tensor weight;  ///< [in, out, kernel, kernel]
  torch::Tensor bias;    ///< [out]

 private:
  ConvTransposeOptions options_;
};

}  // namespace mlrun::nn
