#pragma once

namespace mlrun::data {

enum class Split { Train, Val, Test };

/// `train`, `val`, `test`.
const char* split_name(Split split);

}  // namespace mlrun::data
