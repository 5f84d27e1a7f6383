#include "models/detection/detector.h"

namespace mlrun::models {

nn::Interface Detector::interface() const {
  if (!is_training()) return {{{"image"}, {"sizes"}}, {{"boxes", true}, {"scores", true}, {"labels", true}}};
  nn::Interface training{{{"image"}, {"sizes"}, {"boxes", true}, {"labels", true}}, {}};
  for (const auto& name : losses()) training.outputs.push_back({name, false, /*training_only=*/true});
  return training;
}

}  // namespace mlrun::models
