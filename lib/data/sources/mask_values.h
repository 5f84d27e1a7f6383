#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <unordered_map>
#include <vector>

#include <torch/types.h>

#include "data/image/mask.h"
#include "data/sources/class_table.h"

namespace mlrun::data {

/// What each value or colour of a data set's masks stands for.
class MaskValues {
 public:
  /// `ignored` counts for nothing where it is no class's value; with `reduce_zero` 0 does, too, and classes without
  /// values begin at 1.
  MaskValues(ClassTable classes, std::int64_t ignored, bool reduce_zero = false);

  const ClassTable& classes() const { return classes_; }
  /// Reads a mask: the class of each pixel, 255 where it is ignored, uint8 [H, W]. UserError that names the file, the
  /// values or colours that no class has, and what they look like.
  torch::Tensor read(const std::filesystem::path& file) const;

 private:
  torch::Tensor of_values(const torch::Tensor& values, const std::string& file) const;
  torch::Tensor of_colours(const torch::Tensor& colours, const std::string& file) const;

  ClassTable classes_;
  bool reduce_zero_;
  std::vector<std::int16_t> table_;                         // of each value its class; -1: none
  std::unordered_map<std::int32_t, std::uint8_t> colours_;  // of each colour its class
};

/// Background and foreground, as some of the masks show them: of 0 and 1, or of 0 and 255. UserError where they have
/// other values.
ClassTable two_classes(const std::vector<std::filesystem::path>& masks);

}  // namespace mlrun::data
