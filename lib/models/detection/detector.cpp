#include "models/detection/detector.h"

#include <algorithm>

#include "base/error.h"

namespace mlrun::models {

DetectorPart& Detector::part(const std::string& name) const {
  const auto found =
      std::find_if(parts_.begin(), parts_.end(), [&](const auto& part) { return part->part_name() == name; });
  MLRUN_ASSERT(found != parts_.end(), "a detector without the part " + name);
  return **found;
}

nn::Interface Detector::interface() const {
  if (!is_training()) return {{{"image"}, {"sizes"}}, {{"boxes", true}, {"scores", true}, {"labels", true}}};
  nn::Interface training{{{"image"}, {"sizes"}, {"boxes", true}, {"labels", true}}, {}};
  for (const auto& name : losses()) training.outputs.push_back({name, false, /*training_only=*/true});
  return training;
}

}  // namespace mlrun::models
