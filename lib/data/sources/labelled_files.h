#pragma once

#include <memory>
#include <optional>
#include <string>

#include "config/options.h"
#include "data/sources/source.h"

namespace mlrun::data {

/// Opens a CSV of paths and labels (`read_label_csv`): `request.root` is the file, or a folder that holds
/// `labels.csv`. Paths are absolute or relative to the file, and may lead anywhere; a sample's id is its path, and
/// samples are in the order of their ids. A column `split` decides what belongs where, and shares then divide its
/// training rows. `data.split.group` names a column. Classes in code point order, 0 .. N-1 in theirs. Images are uint8
/// [H, W, 3], decoded when asked for. UserErrors name file and line.
std::shared_ptr<const Dataset> open_csv(const config::NoOptions& options, const OpenRequest& request);

struct FlatOptions {
  std::optional<std::string> labels;
  static void declare(config::Declare<FlatOptions>& d);
};

/// Opens the images in `request.root` that a label file names: `labels.csv` as above, or `labels.txt` with
/// lines `name label`; names are relative to the root and lead nowhere else. `data.split.group` is a column of the CSV,
/// or a pattern of the names (`GroupPattern`). Images without a label are left out, with a warning.
std::shared_ptr<const Dataset> open_flat(const FlatOptions& options, const OpenRequest& request);

}  // namespace mlrun::data
