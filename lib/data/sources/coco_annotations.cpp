#include "data/sources/coco_annotations.h"

#include <algorithm>
#include <cmath>
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
  CocoReader(const std::string& name, const CocoWanted& wanted) : name_(name), wanted_(wanted), problems_(name) {}

  CocoAnnotations read(std::string_view text) {
    const bool whole = parse_json_items(text, [this](const std::string& list, const Json& item) {
      taken_ = list == list_ ? taken_ + 1 : 1;
      list_ = list;
      if (!item.is_object()) return;
      if (list == "images") image(item);
      if (list == "categories") category(item);
      if (list == "annotations") object(item);
    });
    constexpr const char* kNoneHint = "NaN and Infinity are no numbers of JSON: mend what comes there";
    constexpr const char* kHint = "it is an object with the lists images, annotations and categories";
    if (!whole) {
      throw file_error(name_, "is no JSON of COCO's form" + broken_off(), names_none(text) ? kNoneHint : kHint);
    }
    if (found_.images.empty() || found_.categories.empty()) problems_.check();
    if (found_.images.empty()) throw file_error(name_, "has no images", kHint);
    if (found_.categories.empty()) throw file_error(name_, "has no categories", kHint);
    join();
    if (wanted_.boxes) number();
    problems_.check();
    return std::move(found_);
  }

 private:
  /// Where a file that was read in part ends to be JSON.
  std::string broken_off() const {
    return taken_ == 0 ? "" : " behind item " + std::to_string(taken_) + " of '" + shown_text(list_) + "'";
  }

  /// Python writes numbers that are none by their names.
  static bool names_none(std::string_view text) {
    return text.find("NaN") != std::string_view::npos || text.find("Infinity") != std::string_view::npos;
  }

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
    found_.categories.push_back({*id, *name, {}, {}});
    if (wanted_.boxes) read_keypoints(item, found_.categories.back());
  }

  void read_keypoints(const Json& item, CocoCategory& category) {
    const auto names = item.find("keypoints"), lines = item.find("skeleton");
    if (names == item.end() || !names->is_array()) return;
    for (const auto& name : *names) category.keypoints.push_back(name.is_string() ? name.get<std::string>() : "");
    if (lines == item.end() || !lines->is_array()) return;
    const auto known = [&](const Json& end) {
      return end.is_number_unsigned() && end > 0 && end <= category.keypoints.size();
    };
    for (const auto& line : *lines) {
      if (!line.is_array() || line.size() != 2 || !known(line[0]) || !known(line[1])) {
        return problem("the category " + std::to_string(category.id) + " has a skeleton that is none",
                       "it is a list of pairs, the places of two keypoints from 1");
      }
      category.skeleton.emplace_back(line[0].get<std::int64_t>() - 1, line[1].get<std::int64_t>() - 1);
    }
  }

  void object(const Json& item) {
    CocoObject object;
    const auto id = integer(item, "id");
    object.id = id.value_or(0);
    const auto image = integer(item, "image_id"), category = integer(item, "category_id");
    if (!image || !category) {
      return problem(title(object) + " has no image_id or category_id", "give it both");
    }
    object.category = *category;
    const auto crowd = item.find("iscrowd");
    object.crowd = crowd != item.end() && (*crowd == 1 || *crowd == true);
    if (const auto area = item.find("area"); area != item.end() && area->is_number()) object.area = area->get<double>();
    if (wanted_.boxes && !add_box(item, object)) return;
    const bool shaped = wanted_.masks || (wanted_.boxes && !object.box);
    if (shaped && !add_shape(item, object)) return;
    found_.objects.push_back(std::move(object));
    image_ids_.push_back(*image);
    numbered_.push_back(id.has_value());
  }

  bool add_shape(const Json& item, CocoObject& object) {
    const auto shape = item.find("segmentation");
    if (shape == item.end()) {
      if (wanted_.masks) problem(title(object) + " has no segmentation", "boxes alone are no masks");
      else problem(title(object) + " has no bbox", "give it [left, top, width, height] in pixels");
      return false;
    }
    extent_ = {};
    const bool read = shape->is_array() ? polygons(*shape, object) : runs(*shape, object);
    if (!read || !wanted_.boxes || object.box) return read;
    if (object.runs.height > 0) extent_of(object.runs);
    object.box = {extent_.left, extent_.top, extent_.right - extent_.left, extent_.bottom - extent_.top};
    return true;
  }

  /// False where what stands there is none; without a box and without a problem where nothing does.
  bool add_box(const Json& item, CocoObject& object) {
    const auto points = item.find("keypoints");
    if (points != item.end() && !numbers(*points, object.keypoints)) {
      problem(title(object) + " has keypoints that are none", "they are a list of x, y and visibility in turn");
      return false;
    }
    const auto box = item.find("bbox");
    if (box == item.end() || box->is_null()) return true;
    std::vector<double> sides;
    if (!numbers(*box, sides) || sides.size() != 4) {
      problem(title(object) + " has a bbox that is none", "it is [left, top, width, height] in pixels");
      return false;
    }
    object.box = {sides[0], sides[1], sides[2], sides[3]};
    return true;
  }

  static bool numbers(const Json& list, std::vector<double>& values) {
    if (!list.is_array()) return false;
    for (const auto& value : list) {
      if (!value.is_number() || !std::isfinite(value.get<double>())) return false;
      values.push_back(value.get<double>());
    }
    return true;
  }

  void extent_of(const RunLengths& runs) {
    for_each_pixel(runs, [this](std::int64_t y, std::int64_t x) {
      extend(static_cast<double>(x), static_cast<double>(y));
      extend(static_cast<double>(x + 1), static_cast<double>(y + 1));
    });
  }

  void extend(double x, double y) {
    if (!extent_.any) extent_ = {x, y, x, y, true};
    extent_.left = std::min(extent_.left, x), extent_.right = std::max(extent_.right, x);
    extent_.top = std::min(extent_.top, y), extent_.bottom = std::max(extent_.bottom, y);
  }

  bool polygons(const Json& list, CocoObject& object) {
    for (const auto& polygon : list) {
      std::vector<double> corners;
      for (const auto& value : polygon) {
        if (value.is_number()) corners.push_back(value.get<double>());
      }
      auto outline = outline_of(corners);
      if (!polygon.is_array() || corners.size() != polygon.size() || !outline) {
        problem(title(object) + " has a polygon that is none",
                "a polygon is a list of x and y in turn, of three corners or more");
        return false;
      }
      for (std::size_t i = 0; i + 1 < corners.size(); i += 2) extend(corners[i], corners[i + 1]);
      object.outlines.push_back(std::move(*outline));
    }
    return true;
  }

  bool runs(const Json& shape, CocoObject& object) {
    std::optional<RunLengths> found;
    const auto size = shape.find("size"), counts = shape.find("counts");
    if (shape.is_object() && size != shape.end() && counts != shape.end()) found = runs_in(*size, *counts);
    if (!found) {
      problem(title(object) + " has a mask that is none",
              "it has `size`, height and width, and `counts`, runs that fill it");
      return false;
    }
    object.runs = std::move(*found);
    return true;
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

  /// Ids for those that have none, after the others, which must differ.
  void number() {
    std::unordered_set<std::int64_t> ids;
    std::int64_t last = 0;
    for (std::size_t i = 0; i < found_.objects.size(); ++i) {
      const std::int64_t id = found_.objects[i].id;
      if (!numbered_[i]) continue;
      last = std::max(last, id);
      if (ids.insert(id).second) continue;
      problem("the annotation id " + std::to_string(id) + " stands there twice", "number the annotations anew");
    }
    if (last > kLargestId) return problem("an annotation has the id " + std::to_string(last), "number them from 1");
    for (std::size_t i = 0; i < found_.objects.size(); ++i) {
      if (!numbered_[i]) found_.objects[i].id = ++last;
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

  /// What the polygons or the mask of an annotation reach to.
  struct Extent {
    double left = 0, top = 0, right = 0, bottom = 0;
    bool any = false;
  };

  static constexpr std::int64_t kLargestId = std::int64_t{1} << 62;

  std::string name_;
  CocoWanted wanted_;
  ProblemList problems_;
  CocoAnnotations found_;
  std::unordered_set<std::int64_t> categories_;
  std::vector<std::int64_t> image_ids_;  // of the objects
  std::vector<bool> numbered_;           // whether they have ids of their own
  Extent extent_;
  std::string list_;        // of the newest item
  std::int64_t taken_ = 0;  // items of it so far
};

}  // namespace

RunLengths CocoObject::mask(std::int64_t height, std::int64_t width) const {
  if (runs.height > 0) return runs;
  std::vector<RunLengths> parts;
  for (const auto& outline : outlines) parts.push_back(rasterised(outline, height, width));
  return parts.empty() ? RunLengths{height, width, {static_cast<std::uint32_t>(height * width)}} : united(parts);
}

CocoAnnotations read_coco(std::string_view text, const std::string& name, const CocoWanted& wanted) {
  return CocoReader(name, wanted).read(text);
}

}  // namespace mlrun::data
