#pragma once

#include <string>
#include <vector>

#include "data/colours.h"
#include "data/sources/source.h"

namespace mlrun::data {

/// Keeps the colours of a data set's classes with what is known of it (`facts`, under `palette`).
void set_class_colours(DataInfo& info, const std::vector<Colour>& colours);

/// A colour for each class: those kept, else VOC's.
std::vector<Colour> class_colours(const DataInfo& info);

/// The palette of masks of these data, for `report::palette_png`: red, green and blue of 256 values. Beyond the
/// classes, as of ignored pixels, it is VOC's.
std::string mask_palette(const DataInfo& info);

}  // namespace mlrun::data
