#include "metrics/coco/settings.h"

#include <cmath>

namespace mlrun::metrics {

std::vector<double> evenly(double first, double last, std::size_t count) {
  const double step = (last - first) / static_cast<double>(count - 1);
  std::vector<double> values(count);
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<double>(i) * step + first;
  values.back() = last;
  return values;
}

CocoSettings CocoSettings::of(CocoKind kind) {
  constexpr double kSmall = 32 * 32, kMedium = 96 * 96, kLarge = 1e10;
  CocoSettings settings;
  settings.kind = kind;
  settings.thresholds = evenly(.5, .95, 10);
  settings.recalls = evenly(0, 1, 101);
  settings.most_detections = {1, 10, 100};
  settings.areas = {{"all", 0, kLarge}, {"small", 0, kSmall}, {"medium", kSmall, kMedium}, {"large", kMedium, kLarge}};
  if (kind == CocoKind::Keypoints) {
    settings.most_detections = {20};
    settings.areas.erase(settings.areas.begin() + 1);  // small people have no keypoints
    settings.sigmas = {.26, .25, .25, .35, .35, .79, .79, .72, .72, .62, .62, 1.07, 1.07, .87, .87, .89, .89};
    for (double& sigma : settings.sigmas) sigma /= 10;
  }
  return settings;
}

std::size_t CocoSettings::threshold(double overlap) const {
  constexpr double kNear = 1e-9;
  std::size_t i = 0;
  while (i < thresholds.size() && std::abs(thresholds[i] - overlap) > kNear) ++i;
  return i;
}

}  // namespace mlrun::metrics
