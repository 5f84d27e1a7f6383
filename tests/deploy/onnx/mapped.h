#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "deploy/onnx/model.h"
#include "deploy/onnx/translation.h"
#include "deploy/trace.h"
#include "deploy/wrapped.h"
#include "nn/layers.h"
#include "support.h"

/// Functions as models, written as ONNX graphs and read again: what tests of the writer's mappings share.
namespace mlrun::test {

/// Of one layer, `odd`.
inline std::shared_ptr<nn::Sequential> model_of(const Wrapped::Function& function) {
  auto model = std::make_shared<nn::Sequential>();
  model->push("odd", std::make_shared<Wrapped>(function));
  nn::name_layers(*model);
  model->eval();
  return model;
}

inline deploy::OnnxGraph graph_of(nn::Layer& model, const std::vector<std::int64_t>& image, std::int64_t opset = 17,
                                  std::int64_t batch = -1) {
  std::vector<std::int64_t> traced = image, shape = image;
  traced.insert(traced.begin(), batch < 0 ? 2 : batch);
  shape.insert(shape.begin(), batch);
  torch::manual_seed(0);
  deploy::TraceOptions options;
  options.out_of_place = true;
  return deploy::onnx_graph_of(deploy::trace(model, {torch::randn(traced)}, options),
                               {{{"input", torch::kFloat, shape}}, {{"output", {}, shape}}}, opset);
}

/// Largest difference between the model and mlrun's own engine on the graph, over batches that were not traced, as a
/// share of the largest output; infinite where one of the two has numbers that are none.
inline double difference(nn::Layer& model, const deploy::OnnxGraph& graph, std::vector<std::int64_t> image) {
  const torch::NoGradGuard no_gradients;
  const deploy::OnnxModel translated(graph);
  double largest = 0;
  image.insert(image.begin(), 1);
  for (const std::int64_t batch : {1, 3}) {
    image[0] = batch;
    const torch::Tensor input = torch::randn(image), expected = model(input.clone());
    const torch::Tensor found = translated.run({input}).at(0);
    REQUIRE(found.sizes() == expected.sizes());
    REQUIRE(found.scalar_type() == expected.scalar_type());
    REQUIRE(found.isfinite().all().item<bool>());
    const torch::Tensor off = (found - expected).abs().max() / expected.abs().max().clamp_min(1e-30);
    largest = std::max(largest, off.item<double>());
  }
  return largest;
}

struct MappedRow {
  std::string name;
  Wrapped::Function function;
  std::vector<std::int64_t> image = {6, 6, 8};
};

/// Each function computes the same from its graph, in the oldest opset that is written and in the newest.
inline void check_mapped(const std::vector<MappedRow>& rows, double tolerance = 2e-6) {
  for (const auto& row : rows) {
    const auto model = model_of(row.function);
    for (const std::int64_t opset : {deploy::kOldestWrittenOpset, deploy::kNewestWrittenOpset}) {
      INFO(row.name << ", opset " << opset);
      CHECK(difference(*model, graph_of(*model, row.image, opset), row.image) < tolerance);
    }
  }
}

/// Each function is refused by its name in the trace, with these words.
inline void check_unmapped(const std::vector<std::pair<MappedRow, std::string>>& rows) {
  for (const auto& [row, words] : rows) {
    INFO(row.name);
    CHECK(user_error([&, &row = row] { graph_of(*model_of(row.function), row.image); }) ==
          "cannot be written as ONNX: aten::" + row.name + " in layer 'odd' " + words +
              "; export as torchscript, or replace the layer");
  }
}

}  // namespace mlrun::test
