#pragma once

#include "deploy/onnx/graph.h"
#include "deploy/parity.h"

namespace mlrun::deploy {

/// UserError unless the model has one input, of floating numbers or bytes with four dimensions, and an output.
void check_onnx_images(const OnnxGraph& graph);

/// `run` takes what the file's one input takes; the result takes float32 [N, C, H, W] of any N and gives
/// [N, classes]: a fixed batch size is filled, [N, H, W, C] and 16-bit floats are served, dimensions of size 1 after
/// the classes go. A file that takes bytes is given bytes, as they are. UserError where the file is no such model.
Runner in_onnx_batches(const OnnxGraph& graph, Runner run);

}  // namespace mlrun::deploy
