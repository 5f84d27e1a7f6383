#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "data/fields.h"
#include "metrics/coco/shapes.h"

namespace mlrun::metrics {

/// What a model found in a sample of a batch, and what is there: see `make_coco_boxes` and its neighbours. Beside
/// boxes, which all have, what the kind asks for.
std::vector<CocoDetection> detections_in(const data::Fields& prediction, const data::Batch& batch, std::int64_t sample,
                                         CocoKind kind = CocoKind::Boxes);
std::vector<CocoTruth> truths_in(const data::Batch& batch, std::int64_t sample, CocoKind kind = CocoKind::Boxes);

template <class Number>
std::vector<Number> numbers_of(const torch::Tensor& tensor, std::int64_t count) {
  const torch::Tensor plain = tensor.to(torch::kCPU, c10::CppTypeToScalarType<Number>::value).contiguous();
  MLRUN_ASSERT(plain.numel() == count, "boxes, scores and labels of a sample are not of one number");
  const auto* first = plain.data_ptr<Number>();
  return {first, first + count};
}

template <class Number>
torch::Tensor tensor_of(const std::vector<Number>& values) {
  return torch::tensor(c10::ArrayRef<Number>(values), torch::TensorOptions(c10::CppTypeToScalarType<Number>::value));
}

}  // namespace mlrun::metrics
