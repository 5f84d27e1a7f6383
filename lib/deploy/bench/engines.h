#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "deploy/parity.h"
#include "nn/layer.h"

/// In which precisions and by which engines `mlrun bench` runs a model.
namespace mlrun::deploy {

/// A model in evaluation mode and what stands at its input ports, on one device.
struct BenchModel {
  std::shared_ptr<nn::Layer> layer;
  nn::Tensors inputs;  ///< images: one tensor [N, C, H, W]
};

/// Turns a float32 model into one that computes otherwise. It may change the layer's tensors in place by `set_data`:
/// whoever asks puts them back (TensorsKept).
struct BenchPrecision {
  std::string name, description;
  std::function<BenchModel(const BenchModel&)> prepare;
};

/// Makes of a model what runs it.
struct BenchEngine {
  std::string name, description;
  std::function<Runner(const BenchModel&)> make;
};

/// `fp32`, `bf16`. A new one is a line here.
const std::vector<BenchPrecision>& bench_precisions();
/// `eager`, `torchscript`, `graph`. A new one is a line here.
const std::vector<BenchEngine>& bench_engines();

/// The entry of this name; UserError with the nearest otherwise.
const BenchPrecision& bench_precision(const std::string& name);
const BenchEngine& bench_engine(const std::string& name);

/// A model's parameters and buffers as they are now, to be put back when the scope ends.
class TensorsKept {
 public:
  explicit TensorsKept(std::shared_ptr<nn::Layer> layer);
  ~TensorsKept();
  TensorsKept(const TensorsKept&) = delete;
  TensorsKept& operator=(const TensorsKept&) = delete;

 private:
  std::shared_ptr<nn::Layer> layer_;
  std::vector<torch::Tensor> data_;
};

/// What a layer's parameters and buffers hold, and the other way round; nothing is copied.
std::vector<torch::Tensor> tensor_data(const nn::Layer& layer);
void set_tensor_data(const nn::Layer& layer, const std::vector<torch::Tensor>& data);

}  // namespace mlrun::deploy
