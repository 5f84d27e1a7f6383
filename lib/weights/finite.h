#pragma once

#include <optional>
#include <string>

#include "weights/safetensors.h"

/// Weights that hold a NaN or an infinity are of no use: a network may hide them (a ReLU of NaN can be 0) and then
/// answers with confidence. They are refused where they are put to use, for looking reads every page of a mapped file.
namespace mlrun::weights {

/// Whether no element is a NaN or an infinity. True of dtypes that have none.
bool is_finite(const torch::Tensor& tensor);

/// The name of the first tensor that is not finite; nothing where all are.
std::optional<std::string> first_not_finite(const NamedTensors& tensors);

/// UserError that names `file`, the first tensor that is not finite, and how many there are.
void refuse_not_finite(const NamedTensors& tensors, const std::string& file);

}  // namespace mlrun::weights
