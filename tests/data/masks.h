#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <torch/types.h>

#include "data/sources/source.h"
#include "report/png.h"

/// Masks for tests, as PNG.
namespace mlrun::test {

inline std::string grey_png(const std::vector<std::uint8_t>& values, std::int64_t width) {
  return report::png(values.data(), width, static_cast<std::int64_t>(values.size()) / width, 1);
}

/// Red, green and blue in turn.
inline std::string colour_png(const std::vector<std::uint8_t>& values, std::int64_t width) {
  return report::png(values.data(), width, static_cast<std::int64_t>(values.size()) / width / 3, 3);
}

inline torch::Tensor mask_at(const data::Dataset& data, data::Split split, std::int64_t index) {
  return data.split(split)->get({index, 0, 0}).targets.tensor("mask");
}

}  // namespace mlrun::test
