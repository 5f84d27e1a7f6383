#include "recipes/detection/known_classes.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "models/named_model.h"

namespace mlrun::detection {
namespace {

constexpr const char* kGap = "N/A";  // where no category has the number

/// The numbers of these classes among those of the weights, by their names.
std::vector<std::int64_t> numbers_in(const models::PublishedWeights& weights, const std::vector<std::string>& classes) {
  const auto known = weights.data->categories();
  std::vector<std::int64_t> numbers;
  for (const std::string& name : classes) {
    const auto found = std::find(known.begin() + 1, known.end(), name);  // the first is the background
    if (found == known.end() || name == kGap) {
      throw UserError(Problem{"", 0, 0, "model.weights.file",
                              weights.name() + " knows no '" + name + "', which is a class of the data",
                              "set model.head: reinit, which starts the last layer anew"});
    }
    numbers.push_back(found - known.begin());
  }
  return numbers;
}

}  // namespace

KnownClasses known_classes(const config::ModelSection& model, const data::DataInfo& info) {
  KnownClasses known{models::architecture_for_weights(model),
                     info.facts.value("category_ids", std::vector<std::int64_t>())};
  const Json wanted = models::options_for_weights(model);
  if (wanted.contains("num_classes") && wanted.at("num_classes") != info.classes.size() + 1) {
    known.categories = numbers_in(*models::published_weights_of(model), info.classes);
  }
  return known;
}

}  // namespace mlrun::detection
