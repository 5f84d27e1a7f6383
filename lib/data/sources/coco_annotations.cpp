#include "data/sources/coco_annotations.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/json_items.h"
#include "data/problem_list.h"
#include "data/shown_text.h"
#include "data/sources/json_fields.h"

namespace mlrun::data {
namespace {

constexpr std::int64_t kLargestSide = 1 << 20;

class CocoReader {
 public:
  explicit CocoReader(const std::string& name) : name_(name), problems_(name) {}

  CocoAnnotations read(std::string_view text) {
    const bool whole = parse_json_items(text, [this](const std::string& list, const Json& item) {
      if (!item.is_object()) return;
      if (list == "images") image(item);
      if (list == "categories") category(item);
      if (list == "annotations") object(item);
    });
    constexpr const char* kHint = "it is an object with the lists images, annotations and categories";
    if (!whole) throw file_error(name_, "is no JSON of COCO's form", kHint);
    if (found_.images.empty() || found_.categories.empty()) problems_.check();
    if (found_.images.empty()) throw file_error(name_, "has no images", kHint);
    if (found_.categories.empty()) throw file_error(name_, "has no categories", kHint);
    join();
    problems_.check();
    return std::move(found_);
  }

 private:
  void problem(const std::string& what, const std::string& hint) { problems_.add(0, what, hint); }

  void image(const Json& item) {
    const auto id = integer(item, "id");
    const auto file = text_of(item, "file_name");
    if (!id || !file || file->empty()) return problem("an image has no id or file_name", "give it both");
    CocoImage image{*id, *file};
    const auto height = integer(item, "height"), width = integer(item, "width");
    if (height && width) {
      const bool fits = *height > 0 && *width > 0 && *height <= kLargestSide && *width <= kLargestSide &&
                        *height * *width < kMostRunPixels;
      if (!fits)
        problem("image " + std::to_string(*id) + " has no size that an image can have", "mend height and width");
      else image.height = *height, image.width = *width;
    }
    found_.images.push_back(std::move(image));
  }

  void category(const Json& item) {
    const auto id = integer(item, "id");
    const auto name = text_of(item, "name");
    if (!id || !name) return problem("a category has no id or name", "give it both");
    if (!categories_.insert(*id).second)
      problem("the category " + std::to_string(*id) + " stands there twice", "remove one");
    found_.categories.push_back({*id, *name});
  }

  void object(const Json& item) {
    CocoObject object;
    object.id = integer(item, "id").value_or(0);
    const auto image = integer(item, "image_id"), category = integer(item, "category_id");
    if (!image || !category) {
      return problem(title(object) + " has no image_id or category_id", "give it both");
    }
    object.category = *category;
    const auto crowd = item.find("iscrowd");
    object.crowd = crowd != item.end() && (*crowd == 1 || *crowd == true);
    if (const auto area = item.find("area"); area != item.end() && area->is_number()) object.area = area->get<double>();
    const auto shape = item.find("segmentation");
    if (shape == item.end()) return problem(title(object) + " has no segmentation", "boxes alone are no masks");
    if (shape->is_array()) polygons(*shape, object);
    else runs(*shape, object);
    found_.objects.push_back(std::move(object));
    image_ids_.push_back(*image);
  }

  void polygons(const Json& list, CocoObject& object) {
    for (const auto& polygon : list) {
      std::vector<double> corners;
      for (const auto& value : polygon) {
        if (value.is_number()) corners.push_back(value.get<double>());
      }
      auto outline = outline_of(corners);
      if (!polygon.is_array() || corners.size() != polygon.size() || !outline) {
        return problem(title(object) + " has a polygon that is none",
                       "a polygon is a list of x and y in turn, of three corners or more");
      }
      object.outlines.push_back(std::move(*outline));
    }
  }

  void runs(const Json& shape, CocoObject& object) {
    std::optional<RunLengths> found;
    const auto size = shape.find("size"), counts = shape.find("counts");
    if (shape.is_object() && size != shape.end() && counts != shape.end()) found = runs_in(*size, *counts);
    if (!found) {
      return problem(title(object) + " has a mask that is none",
                     "it has `size`, height and width, and `counts`, runs that fill it");
    }
    object.runs = std::move(*found);
  }

  static std::optional<RunLengths> runs_in(const Json& size, const Json& counts) {
    if (!size.is_array() || size.size() != 2 || !size[0].is_number_unsigned() || !size[1].is_number_unsigned())
      return {};
    const auto height = size[0].get<std::int64_t>(), width = size[1].get<std::int64_t>();
    if (height < 1 || width < 1 || height > kLargestSide || width > kLargestSide || height * width >= kMostRunPixels) {
      return {};
    }
    if (counts.is_string()) return parse_runs(counts.get<std::string>(), height, width);
    std::vector<std::uint32_t> list;
    if (!counts.is_array()) return {};
    for (const auto& count : counts) {
      if (!count.is_number_unsigned() || count > kMostRunPixels) return {};
      list.push_back(count.get<std::uint32_t>());
    }
    return runs_of(list, height, width);
  }

  static std::string title(const CocoObject& object) { return "annotation " + std::to_string(object.id); }

  /// Sorts the images, and finds those of the objects.
  void join() {
    auto& images = found_.images;
    std::sort(images.begin(), images.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    std::unordered_map<std::int64_t, std::size_t> places;
    for (std::size_t i = 0; i < images.size(); ++i) {
      if (places.emplace(images[i].id, i).second) continue;
      problem("the image id " + std::to_string(images[i].id) + " stands there twice",
              "'" + shown_text(images[i].file) + "' needs an id of its own");
    }
    for (std::size_t i = 0; i < found_.objects.size(); ++i) {
      CocoObject& object = found_.objects[i];
      const auto place = places.find(image_ids_[i]);
      if (place == places.end()) {
        problem(title(object) + " is of the image " + std::to_string(image_ids_[i]), "there is none of this id");
        continue;
      }
      object.image = place->second;
      check(object, images[object.image]);
    }
  }

  void check(const CocoObject& object, const CocoImage& image) {
    if (categories_.count(object.category) == 0) {
      problem(title(object) + " is of the category " + std::to_string(object.category), "there is none of this id");
    }
    const RunLengths& runs = object.runs;
    if (runs.height == 0 || image.height == 0 || (runs.height == image.height && runs.width == image.width)) return;
    problem(title(object) + " has a mask of " + std::to_string(runs.width) + "x" + std::to_string(runs.height) +
                " pixels, and its image is of " + std::to_string(image.width) + "x" + std::to_string(image.height),
            "masks have the sizes of their images");
  }

  std::string name_;
  ProblemList problems_;
  CocoAnnotations found_;
  std::unordered_set<std::int64_t> categories_;
  std::vector<std::int64_t> image_ids_;  // of the objects
};

}  // namespace

RunLengths CocoObject::mask(std::int64_t height, std::int64_t width) const {
  if (runs.height > 0) return runs;
  std::vector<RunLengths> parts;
  for (const auto& outline : outlines) parts.push_back(rasterised(outline, height, width));
  return parts.empty() ? RunLengths{height, width, {static_cast<std::uint32_t>(height * width)}} : united(parts);
}

CocoAnnotations read_coco(std::string_view text, const std::string& name) { return CocoReader(name).read(text); }

}  // namespace mlrun::data
