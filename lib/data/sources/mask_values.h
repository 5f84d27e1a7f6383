#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <torch/types.h>

#include "data/sources/segmentation_folder.h"

namespace mlrun::data {

/// What each value of a data set's masks stands for.
class MaskValues {
 public:
  /// As the options say, or else as the first of `masks` show: background and foreground. UserError where those have
  /// other values.
  MaskValues(const SegmentationFolderOptions& options, const std::vector<std::filesystem::path>& masks);

  const std::vector<std::string>& classes() const { return classes_; }
  /// int32 [H, W] of a file to the classes, uint8 [H, W]. UserError that names the file and the values that no class
  /// has.
  torch::Tensor operator()(const torch::Tensor& values, const std::string& file) const;

 private:
  std::vector<std::string> classes_;
  std::vector<std::int16_t> table_;  // of each value its class; -1: none
};

}  // namespace mlrun::data
