#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "data/colours.h"

namespace mlrun::data {

constexpr std::size_t kMostMaskClasses = 255;
constexpr std::int64_t kMostMaskValue = 65535;

/// The classes of masks, and what stands for them in the files.
struct ClassTable {
  std::vector<std::string> names;
  std::vector<std::int64_t> values;          ///< one for each class; empty: 0, 1, 2, ...
  std::vector<Colour> colours;               ///< one for each class; empty: masks in colour cannot be read
  std::vector<std::int64_t> ignored_values;  ///< that count for nothing, where they are no class's
  std::vector<Colour> ignored_colours;       ///< likewise
};

/// Reads a CSV file with the columns `name` and, in any order, `value` and `r`, `g`, `b`, as CamVid's class_dict.csv
/// has them. A row without a name counts for nothing. All problems are told together as `file:line: …`.
ClassTable read_class_table(std::string_view text, const std::string& name);

/// The colours that an option names: one for each of `classes`, as `parse_colour` reads it, or one word alone, `voc` or
/// `cityscapes`. UserError at `key` where they are none.
std::vector<Colour> named_colours(const std::vector<std::string>& texts, std::size_t classes, const std::string& key);

}  // namespace mlrun::data
