#pragma once

#include <filesystem>
#include <map>
#include <string>

#include <torch/script.h>

#include "deploy/parity.h"
#include "deploy/subject.h"

namespace mlrun::deploy {

/// Writes a traced module atomically, with further files in its archive by name. `frozen`: weights
/// become constants of the graph, which other programs then run faster and can no longer train.
/// Python's torch.jit.load (of this LibTorch's version or later) and C++'s read it.
void write_torchscript(const std::filesystem::path& file, const torch::jit::Module& module, bool frozen,
                       const std::map<std::string, std::string>& files);

/// What a module's `forward` gives: a tensor, or several in a tuple.
nn::Tensors run_torchscript(torch::jit::Module& module, const nn::Tensors& inputs);

/// Loads a TorchScript archive to run it on the CPU. UserError where it is none. One that computes in int8 is read
/// again for each further size of input.
Runner load_torchscript(const std::filesystem::path& file);

}  // namespace mlrun::deploy
