#include "data/sources/mask_values.h"

#include <algorithm>
#include <set>
#include <sstream>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"
#include "data/image/mask.h"

namespace mlrun::data {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLookedAt = 32;  // masks, where the classes are not named
constexpr std::size_t kMostValues = 1U << 16U;
constexpr int kMostShown = 8;

std::string numbers(const std::set<std::int32_t>& values) {
  std::ostringstream text;
  int shown = 0;
  for (const auto value : values) {
    if (shown == kMostShown) text << ", ...";
    if (shown++ >= kMostShown) break;
    text << (shown == 1 ? "" : ", ") << value;
  }
  return text.str();
}

/// The values of some masks, spread over all.
std::set<std::int32_t> values_seen(const std::vector<fs::path>& masks) {
  std::set<std::int32_t> seen;
  const std::size_t count = std::min(kLookedAt, masks.size());
  for (std::size_t i = 0; i < count; ++i) {
    const std::string file = masks[i * masks.size() / count].string();
    const torch::Tensor mask = decode_mask(read_file(file), file);
    const auto* values = mask.data_ptr<std::int32_t>();
    for (std::int64_t at = 0; at < mask.numel(); ++at) {
      if (at == 0 || values[at] != values[at - 1]) seen.insert(values[at]);
    }
  }
  return seen;
}

/// The value of the foreground in masks of two values; UserError where they have others.
std::int64_t foreground(const std::vector<fs::path>& masks) {
  const auto seen = values_seen(masks);
  const std::int32_t other = seen.empty() || *seen.rbegin() == 0 ? 1 : *seen.rbegin();
  const bool two = seen.size() < 2 || (seen.size() == 2 && *seen.begin() == 0);
  if (two && (other == 1 || other == 255)) return other;
  throw UserError(Problem{"", 0, 0, "data.classes", "is not set, and the masks have the values " + numbers(seen),
                          "name the class of each value, as [background, cat, dog] of 0, 1, 2"});
}

}  // namespace

MaskValues::MaskValues(const SegmentationFolderOptions& options, const std::vector<fs::path>& masks)
    : classes_(options.classes), table_(kMostValues, -1) {
  std::vector<std::int64_t> values = options.values;
  if (classes_.empty()) {
    values = {0, foreground(masks)};
    classes_ = {"background", "foreground"};
  }
  table_[static_cast<std::size_t>(options.ignore_index)] = kIgnored;
  if (options.reduce_zero_label) table_[0] = kIgnored;
  const std::size_t first = options.reduce_zero_label ? 1 : 0;
  for (std::size_t i = 0; i < classes_.size(); ++i) {
    table_[values.empty() ? i + first : static_cast<std::size_t>(values[i])] = static_cast<std::int16_t>(i);
  }
}

torch::Tensor MaskValues::operator()(const torch::Tensor& values, const std::string& file) const {
  const torch::Tensor labels = torch::empty(values.sizes(), torch::kByte);
  const auto* in = values.data_ptr<std::int32_t>();
  auto* out = labels.data_ptr<std::uint8_t>();
  std::set<std::int32_t> unknown;
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const std::int16_t label = table_[static_cast<std::size_t>(in[i])];
    if (label < 0) unknown.insert(in[i]);
    out[i] = static_cast<std::uint8_t>(label);
  }
  if (unknown.empty()) return labels;
  throw file_error(file,
                   "has the value" + std::string(unknown.size() == 1 ? " " : "s ") + numbers(unknown) +
                       ", which no class has: there are " + std::to_string(classes_.size()) + " classes",
                   "name all by data.classes, their values by data.values, and what counts for nothing by "
                   "data.ignore_index");
}

}  // namespace mlrun::data
