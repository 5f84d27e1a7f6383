#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "data/boxes/draw_things.h"
#include "data/read_samples.h"
#include "data/sources/source.h"
#include "data/transforms/transform.h"

namespace mlrun::data {

struct SheetOptions {
  std::int64_t samples = 32;
  std::int64_t columns = 0;  ///< 0: as many as make the sheet a little wider than high
  std::uint64_t choice = 0;  ///< seed of which samples are shown
  std::uint64_t seed = 0;    ///< of their keys, as training (the run's seed) and evaluation (0) have them
  std::int64_t epoch = 0;    ///< of their keys
  OnError on_error = OnError::Fail;
  /// Where samples have masks: their colours (mask_palette), drawn over the images, with a legend.
  std::string palette = {};
  /// Where they have boxes: how these are drawn.
  DrawingStyle boxes = {};
};

/// Writes a PNG with samples of `source` as `pipeline` makes them for the network, normalization undone,
/// each with its class (of masks those that it shows, by their areas) and id below it. The samples are drawn by
/// `choice`; with fewer than asked for, all are shown. Returns what is shown: `{file, width, height, samples: [{id,
/// index, label, height, width}], skipped: [id]}`. A sample that cannot be read is a UserError that names it; with
/// OnError::Skip the next one drawn takes its place. A UserError names a file that cannot be written.
Json write_contact_sheet(const Source& source, const Pipeline& pipeline, const std::vector<std::string>& classes,
                         const SheetOptions& options, const std::filesystem::path& file);

}  // namespace mlrun::data
