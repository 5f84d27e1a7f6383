#include "data/sources/mask_values.h"

#include <algorithm>
#include <cstdio>
#include <set>
#include <sstream>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

using Seen = std::set<std::int32_t>;

constexpr std::size_t kLookedAt = 32;  // masks, where the classes are not named
constexpr std::size_t kMostSeen = 1U << 12U;
constexpr std::size_t kMixed = 64;  // colours that nobody chose
constexpr int kMostShown = 8;

std::int32_t number_of(const Colour& colour) { return colour[0] << 16 | colour[1] << 8 | colour[2]; }

/// What Pillow makes of a colour where it makes an image grey.
std::int32_t grey_of(const Colour& colour) {
  return (19595 * colour[0] + 38470 * colour[1] + 7471 * colour[2] + 0x8000) >> 16;
}

std::string shown(std::int32_t value, bool coloured) {
  if (!coloured) return std::to_string(value);
  char text[8];
  std::snprintf(text, sizeof text, "#%06x", static_cast<unsigned>(value));
  return text;
}

std::string list_of(const Seen& values, bool coloured = false) {
  std::ostringstream text;
  int count = 0;
  for (const auto value : values) {
    if (count == kMostShown) text << ", ...";
    if (count++ >= kMostShown) break;
    text << (count == 1 ? "" : ", ") << shown(value, coloured);
  }
  return text.str();
}

/// Every n-th of `masks`, at most `most` of them.
std::vector<fs::path> some_of(const std::vector<fs::path>& masks, std::size_t most) {
  std::vector<fs::path> chosen;
  const std::size_t count = std::min(most, masks.size());
  for (std::size_t i = 0; i < count; ++i) chosen.push_back(masks[i * masks.size() / count]);
  return chosen;
}

Seen values_of(const torch::Tensor& mask) {
  Seen seen;
  const auto* values = mask.data_ptr<std::int32_t>();
  for (std::int64_t at = 0; at < mask.numel(); ++at) {
    if ((at == 0 || values[at] != values[at - 1]) && seen.size() < kMostSeen) seen.insert(values[at]);
  }
  return seen;
}

/// Whether all of `values` are colours of `palette`, or the greys that these become (`grey`).
bool all_of_palette(const Seen& values, const std::vector<Colour>& palette, bool grey) {
  Seen known;
  for (const auto& colour : palette) known.insert(grey ? grey_of(colour) : number_of(colour));
  return std::includes(known.begin(), known.end(), values.begin(), values.end());
}

constexpr const char* kColourHint =
    "name the classes' colours by data.palette or data.class_table (name,r,g,b), or write it as palette or grey PNG";

UserError coloured_error(const std::string& file, const torch::Tensor& colours) {
  const bool voc = all_of_palette(values_of(colours), voc_colours(kMostMaskClasses + 1), false);
  return file_error(
      file, "is a colour image, and the values of a mask are numbers of classes",
      voc ? "its colours are those of PASCAL VOC, as where a palette image was read as RGB: set data.palette: "
            "voc, or write palettes as they are (Pillow's mode P)"
          : kColourHint);
}

/// Why masks that have `unknown` may have it.
std::string advice(const Seen& unknown, const ClassTable& classes, bool reduce_zero) {
  const auto count = static_cast<std::int32_t>(classes.names.size());
  if (classes.values.empty() && !reduce_zero && *unknown.begin() == count && unknown.size() == 1) {
    return "where masks count the classes from 1, set data.reduce_zero_label: true (0 then counts for nothing); else "
           "name one more class";
  }
  const auto palette = classes.colours.empty() ? voc_colours(kMostMaskClasses + 1) : classes.colours;
  if (unknown.size() > 1 && all_of_palette(unknown, palette, true)) {
    return "they are the greys of a palette's colours: the masks were made grey; write palettes as they are (Pillow's "
           "mode "
           "P, no convert)";
  }
  return "name all by data.classes, their values by data.values, and what counts for nothing by data.ignore_index";
}

}  // namespace

ClassTable two_classes(const std::vector<fs::path>& masks) {
  Seen seen;
  for (const auto& file : some_of(masks, kLookedAt)) {
    const RawMask mask = decode_mask(read_file(file), file.string());
    if (mask.coloured) throw coloured_error(file.string(), mask.values);
    seen.merge(values_of(mask.values));
  }
  const std::int32_t other = seen.empty() || *seen.rbegin() == 0 ? 1 : *seen.rbegin();
  const bool two = seen.size() < 2 || (seen.size() == 2 && *seen.begin() == 0);
  if (two && (other == 1 || other == 255)) return {{"background", "foreground"}, {0, other}, {}, {}, {}};
  throw UserError(Problem{"", 0, 0, "data.classes", "is not set, and the masks have the values " + list_of(seen),
                          "name the class of each value, as [background, cat, dog] of 0, 1, 2"});
}

MaskValues::MaskValues(ClassTable classes, std::int64_t ignored, bool reduce_zero)
    : classes_(std::move(classes)), reduce_zero_(reduce_zero), table_(kMostMaskValue + 1, -1) {
  table_[static_cast<std::size_t>(ignored)] = kIgnored;
  if (reduce_zero) table_[0] = kIgnored;
  for (const auto value : classes_.ignored_values) table_[static_cast<std::size_t>(value)] = kIgnored;
  for (const auto& colour : classes_.ignored_colours) colours_[number_of(colour)] = kIgnored;
  const std::size_t first = reduce_zero ? 1 : 0;
  for (std::size_t i = 0; i < classes_.names.size(); ++i) {
    const std::size_t value = classes_.values.empty() ? i + first : static_cast<std::size_t>(classes_.values[i]);
    table_[value] = static_cast<std::int16_t>(i);
    if (!classes_.colours.empty()) colours_[number_of(classes_.colours[i])] = static_cast<std::uint8_t>(i);
  }
}

torch::Tensor MaskValues::read(const fs::path& file) const {
  const RawMask mask = decode_mask(read_file(file), file.string());
  return mask.coloured ? of_colours(mask.values, file.string()) : of_values(mask.values, file.string());
}

torch::Tensor MaskValues::of_values(const torch::Tensor& values, const std::string& file) const {
  const torch::Tensor labels = torch::empty(values.sizes(), torch::kByte);
  const auto* in = values.data_ptr<std::int32_t>();
  auto* out = labels.data_ptr<std::uint8_t>();
  Seen unknown;
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const std::int16_t label = table_[static_cast<std::size_t>(in[i])];
    if (label < 0 && unknown.size() < kMostSeen) unknown.insert(in[i]);
    out[i] = static_cast<std::uint8_t>(label);
  }
  if (unknown.empty()) return labels;
  throw file_error(file,
                   "has the value" + std::string(unknown.size() == 1 ? " " : "s ") + list_of(unknown) +
                       ", which no class has: there are " + std::to_string(classes_.names.size()) + " classes",
                   advice(unknown, classes_, reduce_zero_));
}

torch::Tensor MaskValues::of_colours(const torch::Tensor& colours, const std::string& file) const {
  if (colours_.empty()) throw coloured_error(file, colours);
  const torch::Tensor labels = torch::empty(colours.sizes(), torch::kByte);
  const auto* in = colours.data_ptr<std::int32_t>();
  auto* out = labels.data_ptr<std::uint8_t>();
  Seen unknown;
  for (std::int64_t i = 0; i < colours.numel(); ++i) {
    if (i > 0 && in[i] == in[i - 1]) {
      out[i] = out[i - 1];
      continue;
    }
    const auto found = colours_.find(in[i]);
    if (found == colours_.end() && unknown.size() < kMostSeen) unknown.insert(in[i]);
    out[i] = found == colours_.end() ? kIgnored : found->second;
  }
  if (unknown.empty()) return labels;
  throw file_error(
      file,
      "has the colour" + std::string(unknown.size() == 1 ? " " : "s ") + list_of(unknown, true) +
          ", which no class has: there are " + std::to_string(classes_.names.size()) + " classes",
      unknown.size() > kMixed
          ? "they look mixed, as where masks were resized smoothly or were JPEG once: make them anew, resized "
            "to the nearest pixel"
          : "name the colour of each class; in data.class_table a row without a name counts for nothing");
}

}  // namespace mlrun::data
