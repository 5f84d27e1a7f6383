#pragma once

#include <functional>

#include <torch/types.h>

#include "deploy/onnx/graph.h"
#include "deploy/parity.h"

namespace mlrun::deploy {

/// Images to a score for each class.
using ImageScorer = std::function<torch::Tensor(const torch::Tensor&)>;

/// UserError unless the model has one input, of floating numbers or bytes with four dimensions, and an output.
void check_onnx_images(const OnnxGraph& graph);

/// `run` takes what the file's one input takes; the result takes float32 [N, C, H, W] of any N and gives
/// [N, classes]: a fixed batch size is filled, [N, H, W, C] and 16-bit floats are served, dimensions of size 1 after
/// the classes go. A file that takes bytes is given bytes, as they are. UserError where the file is no such model.
ImageScorer in_onnx_batches(const OnnxGraph& graph, ImageScorer run);

/// Runs on any number of samples what takes `batch` of them alone: the last one is repeated where there are too few.
Runner in_fixed_batches(const nn::Interface& interface, std::int64_t batch, Runner run);

}  // namespace mlrun::deploy
