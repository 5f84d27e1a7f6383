#include "data/sources/boxed/box_check.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/log.h"
#include "data/shown_text.h"

namespace mlrun::data {
namespace {

constexpr double kRounding = 0.5;  // pixels beyond an image that nobody needs to hear of

std::string size_text(const BoxedImage& image) {
  return std::to_string(image.width) + "x" + std::to_string(image.height);
}

/// Whether two sides of a box lie apart as float32, which samples have.
bool apart(double low, double high) { return static_cast<float>(high) > static_cast<float>(low); }

bool finite(const std::array<double, 4>& box) {
  return std::all_of(box.begin(), box.end(), [](double side) { return std::isfinite(side); });
}

}  // namespace

std::string box_text(const std::array<double, 4>& box) {
  char text[160];
  std::snprintf(text, sizeof text, "%g,%g to %g,%g", box[0], box[1], box[2], box[3]);
  return text;
}

std::string BoxCheck::title(const BoxedObject& object) const {
  if (object.line == 0 && object.shape == 0) return "annotation " + std::to_string(object.id);
  const std::string name = "'" + shown_text(classes_.at(static_cast<std::size_t>(object.label))) + "'";
  return object.line > 0 ? name : "shape " + std::to_string(object.shape) + ", " + name + ",";
}

std::string BoxCheck::place(const BoxedImage& image, const BoxedObject& object) const {
  return title(object) + " in " + image.annotations + (object.line == 0 ? "" : ":" + std::to_string(object.line));
}

void BoxCheck::refuse(const BoxedImage& image, const BoxedObject& object, const std::string& what,
                      const std::string& hint) {
  problems_.add(image.annotations, object.line, title(object) + " " + what, hint);
}

void BoxCheck::check(BoxedImage& image) {
  auto& objects = image.objects;
  objects.erase(
      std::remove_if(objects.begin(), objects.end(), [&](BoxedObject& object) { return !keep(image, object); }),
      objects.end());
}

bool BoxCheck::keep(const BoxedImage& image, BoxedObject& object) {
  constexpr const char* kHint = "mend or remove it, or set data.degenerate: drop";
  const std::array<double, 4> given = object.box;
  if (!finite(given)) {
    refuse(image, object, "has a box with a side that is no number", "mend or remove it");
    return false;
  }
  const auto width = static_cast<double>(image.width), height = static_cast<double>(image.height);
  auto& box = object.box;
  box = {std::clamp(given[0], 0.0, width), std::clamp(given[1], 0.0, height), std::clamp(given[2], 0.0, width),
         std::clamp(given[3], 0.0, height)};
  const bool flat = !apart(given[0], given[2]) || !apart(given[1], given[3]);
  const bool outside = !apart(box[0], box[2]) || !apart(box[1], box[3]);
  if (flat || outside) {
    if (rules_.drop_degenerate) dropped_.add(place(image, object));
    else if (flat) refuse(image, object, "has a box without area, " + box_text(given), kHint);
    else refuse(image, object, "has a box outside its image of " + size_text(image) + ", " + box_text(given), kHint);
    return false;
  }
  double beyond = 0;
  for (std::size_t i = 0; i < 4; ++i) beyond = std::max(beyond, std::abs(box[i] - given[i]));
  if (beyond > kRounding) clipped_.add(place(image, object) + ", " + box_text(given));
  return !rules_.masks || has_mask(image, object);
}

bool BoxCheck::has_mask(const BoxedImage& image, const BoxedObject& object) {
  if (object.runs.height == 0) {
    if (object.outlines.empty()) {
      refuse(image, object, "has no mask", "give it one, or set data.masks: false");
    }
    return !object.outlines.empty();
  }
  if (object.runs.height == image.height && object.runs.width == image.width) return true;
  refuse(image, object,
         "has a mask of " + std::to_string(object.runs.width) + "x" + std::to_string(object.runs.height) +
             " pixels, and its image is of " + size_text(image),
         "masks have the sizes of their images");
  return false;
}

void BoxCheck::tell() const {
  const auto boxes = [](const Count& of, const char* one, const char* several) {
    return std::to_string(of.times) + (of.times == 1 ? one : several) + of.first;
  };
  if (clipped_.times > 0) {
    log::warning(boxes(clipped_, " box reaches outside its image and is clipped: ",
                       " boxes reach outside their images and are clipped, as that of "));
  }
  if (dropped_.times > 0) {
    log::warning(boxes(dropped_, " box without area in its image is left out (data.degenerate: drop): that of ",
                       " boxes without area in their images are left out (data.degenerate: drop), as that of "));
  }
}

}  // namespace mlrun::data
