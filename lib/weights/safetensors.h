#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "weights/safetensors_header.h"

namespace mlrun::weights {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

struct Safetensors {
  NamedTensors tensors;  ///< on the CPU, in the header's order
  Metadata metadata;
};

/// Reads and checks the header alone: sizes against the file, offsets without gap or overlap,
/// shapes against byte counts. UserError that names the file, the tensor and what is wrong.
SafetensorsHeader read_safetensors_header(const std::filesystem::path& path);

/// Reads a whole file: the checks of the header, a dtype that LibTorch has, booleans that are 0 or
/// 1. Tensors share one private memory mapping of the file: writing to them leaves the file alone.
Safetensors read_safetensors(const std::filesystem::path& path);

/// Writes atomically; the same content gives the same bytes. The header names the tensors in the
/// given order; their data lies with the largest elements first, so that every tensor is aligned.
/// Tensors may be on any device and of any layout (they are written dense, row-major). Names must
/// be unique. The file opens in Python's safetensors.
/// https://github.com/huggingface/safetensors#format
void write_safetensors(const std::filesystem::path& path, const NamedTensors& tensors, const Metadata& metadata = {});

}  // namespace mlrun::weights
