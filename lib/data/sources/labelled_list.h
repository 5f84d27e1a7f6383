#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/sources/split.h"

namespace mlrun::data {

/// One line of a label file.
struct LabelledEntry {
  std::string path;  ///< without `.` and `..` where the text had them
  std::string label;
  std::string group;  ///< empty where no column was asked for
  Split split = Split::Train;
  int line = 0;
  std::uint64_t size = 0;  ///< of the image in bytes, once it was looked for
};

/// A label file: which image has which label.
struct LabelledList {
  std::vector<LabelledEntry> entries;  ///< sorted by path
  bool has_split = false;              ///< the file says what belongs to which split
};

/// Reads CSV with the columns `path` and `label`, where wanted `split` (train, val or test, or what `split_named` takes
/// for one), and any others; the header names them in any order. `group` is the column of the group key. All problems
/// are told together (at most 20) as `file:line: …`: rows of another length than the header, empty
/// cells, unknown splits, paths that stand there twice.
LabelledList read_label_csv(std::string_view text, const std::string& name, const std::optional<std::string>& group);

/// Reads lines `name label`: the label is what follows the only tab, or the last word. Problems as above.
LabelledList read_label_lines(std::string_view text, const std::string& name);

/// Sorts by path; paths that stand there twice are told together as `file:line: …`.
void sort_by_path(LabelledList& list, const std::string& name);

/// The names of the classes: in code point order, or in numeric order where they are 0 .. N-1.
std::vector<std::string> class_order(const LabelledList& list);

}  // namespace mlrun::data
