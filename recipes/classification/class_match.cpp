#include "recipes/classification/class_match.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "data/shown_text.h"

namespace mlrun::classification {
namespace {

/// `'a', 'b' and 3 more`.
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t kMost = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(kMost, names.size()); ++i) {
    text += (i == 0 ? "'" : ", '") + data::shown_text(names[i]) + "'";
  }
  return names.size() > kMost ? text + " and " + std::to_string(names.size() - kMost) + " more" : text;
}

}  // namespace

std::vector<std::int64_t> match_classes(const std::vector<std::string>& known, const std::vector<std::string>& found,
                                        const std::string& root) {
  std::map<std::string, std::int64_t> places;
  for (std::size_t i = 0; i < known.size(); ++i) places.emplace(known[i], static_cast<std::int64_t>(i));
  std::vector<std::int64_t> labels;
  std::vector<std::string> strangers;
  for (const auto& name : found) {
    const auto place = places.find(name);
    if (place == places.end()) strangers.push_back(name);
    else labels.push_back(place->second);
  }
  if (strangers.empty()) return labels;
  throw file_error(root,
                   "has other classes than the data this model was trained on: " + some_of(strangers) +
                       (strangers.size() == 1 ? " is" : " are") + " not among " + some_of(known),
                   "leave them out, or name them as in training");
}

}  // namespace mlrun::classification
