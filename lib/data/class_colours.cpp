#include "data/class_colours.h"

#include <algorithm>

namespace mlrun::data {
namespace {

constexpr const char* kFact = "palette";
constexpr std::size_t kPlaces = 256;

/// The colour that `json` is, as `set_class_colours` wrote it.
std::optional<Colour> colour_of(const Json& json) {
  Colour colour{};
  if (!json.is_array() || json.size() != colour.size()) return {};
  for (std::size_t i = 0; i < colour.size(); ++i) {
    if (!json[i].is_number_integer() || json[i] < 0 || json[i] > 255) return {};
    colour[i] = json[i].get<std::uint8_t>();
  }
  return colour;
}

}  // namespace

void set_class_colours(DataInfo& info, const std::vector<Colour>& colours) {
  Json list = Json::array();
  for (const auto& colour : colours) list.push_back(Json::array({colour[0], colour[1], colour[2]}));
  info.facts[kFact] = std::move(list);
}

std::vector<Colour> class_colours(const DataInfo& info) {
  std::vector<Colour> colours = voc_colours(info.classes.size());
  const auto kept = info.facts.find(kFact);
  if (kept == info.facts.end() || !kept->is_array() || kept->size() != colours.size()) return colours;
  for (std::size_t i = 0; i < colours.size(); ++i) colours[i] = colour_of((*kept)[i]).value_or(colours[i]);
  return colours;
}

std::string mask_palette(const DataInfo& info) {
  std::vector<Colour> colours = voc_colours(kPlaces);
  const auto own = class_colours(info);
  std::copy_n(own.begin(), std::min(own.size(), kPlaces), colours.begin());
  std::string palette;
  for (const auto& colour : colours) palette.append(reinterpret_cast<const char*>(colour.data()), colour.size());
  return palette;
}

}  // namespace mlrun::data
