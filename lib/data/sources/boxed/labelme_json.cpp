#include "data/sources/boxed/labelme_json.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "data/shown_text.h"
#include "data/sources/json_fields.h"

namespace mlrun::data {
namespace {

class LabelMeReader {
 public:
  LabelMeReader(const std::string& name, BoxProblems& problems) : name_(name), problems_(problems) {}

  LabelMe read(std::string_view text) {
    constexpr const char* kHint = "it is an object with the list shapes";
    const Json content = parse_json(text);
    if (content.is_discarded()) {
      problem("is no JSON", kHint);
      return {};
    }
    const auto shapes = content.is_object() ? content.find("shapes") : content.end();
    if (!content.is_object() || shapes == content.end() || !shapes->is_array()) {
      problem("is no annotation of LabelMe", kHint);
      return {};
    }
    found_.image = text_of(content, "imagePath").value_or("");
    std::replace(found_.image.begin(), found_.image.end(), '\\', '/');
    found_.height = side(content, "imageHeight");
    found_.width = side(content, "imageWidth");
    for (const auto& shape : *shapes) {
      ++number_;
      if (shape.is_object()) read_shape(shape);
      else problem("shape " + std::to_string(number_) + " is no object", "it has label, points and shape_type");
    }
    return std::move(found_);
  }

 private:
  void problem(const std::string& what, const std::string& hint) { problems_.add(name_, 0, what, hint); }
  std::string title() const { return "shape " + std::to_string(number_); }

  static std::int64_t side(const Json& content, const char* key) {
    constexpr std::int64_t kLargestSide = 1 << 20;
    const auto value = integer(content, key);
    return value && *value > 0 && *value <= kLargestSide ? *value : 0;
  }

  void read_shape(const Json& shape) {
    const auto label = text_of(shape, "label");
    if (!label || label->empty()) return problem(title() + " has no label", "name its class");
    std::vector<double> corners;
    const auto points = shape.find("points");
    if (points == shape.end() || !read_points(*points, corners)) {
      return problem(title() + ", '" + shown_text(*label) + "', has no points", "they are a list of [x, y] in pixels");
    }
    const std::string type = text_of(shape, "shape_type").value_or("polygon");
    NamedObject thing{*label, {}};
    thing.object.shape = number_;
    if (type == "polygon") {
      auto outline = outline_of(corners);
      if (!outline)
        return problem(title() + ", '" + shown_text(*label) + "', is no polygon", "it has three corners or more");
      thing.object.outlines.push_back(std::move(*outline));
    } else if ((type == "rectangle" || type == "circle") && corners.size() == 4) {
      if (type == "circle") corners = around(corners);
    } else if (type == "rectangle" || type == "circle") {
      return problem(title() + ", '" + shown_text(*label) + "', is no " + type, "it has two points");
    } else {
      ++found_.others;
      return;
    }
    bound(corners, thing.object);
    add(std::move(thing), shape);
  }

  static bool read_points(const Json& points, std::vector<double>& corners) {
    if (!points.is_array() || points.empty()) return false;
    for (const auto& point : points) {
      if (!point.is_array() || point.size() != 2 || !point[0].is_number() || !point[1].is_number()) return false;
      for (const auto& value : point) corners.push_back(value.get<double>());
    }
    return true;
  }

  /// The square around a circle, of its middle and a point on it.
  static std::vector<double> around(const std::vector<double>& of) {
    const double radius = std::hypot(of[2] - of[0], of[3] - of[1]);
    return {of[0] - radius, of[1] - radius, of[0] + radius, of[1] + radius};
  }

  static void bound(const std::vector<double>& corners, BoxedObject& object) {
    auto& box = object.box;
    box = {corners[0], corners[1], corners[0], corners[1]};
    for (std::size_t i = 0; i < corners.size(); ++i) {
      box[i % 2] = std::min(box[i % 2], corners[i]);
      box[2 + i % 2] = std::max(box[2 + i % 2], corners[i]);
    }
  }

  void add(NamedObject thing, const Json& shape) {
    const auto group = integer(shape, "group_id");
    if (!group) {
      found_.objects.push_back(std::move(thing));
      return;
    }
    const auto [first, added] = groups_.emplace(std::pair(*group, thing.name), found_.objects.size());
    if (added) {
      found_.objects.push_back(std::move(thing));
      return;
    }
    BoxedObject& object = found_.objects[first->second].object;
    for (std::size_t i = 0; i < 2; ++i) {
      object.box[i] = std::min(object.box[i], thing.object.box[i]);
      object.box[2 + i] = std::max(object.box[2 + i], thing.object.box[2 + i]);
    }
    for (auto& outline : thing.object.outlines) object.outlines.push_back(std::move(outline));
  }

  std::string name_;
  BoxProblems& problems_;
  LabelMe found_;
  std::int64_t number_ = 0;
  std::map<std::pair<std::int64_t, std::string>, std::size_t> groups_;
};

}  // namespace

LabelMe read_labelme(std::string_view text, const std::string& name, BoxProblems& problems) {
  return LabelMeReader(name, problems).read(text);
}

}  // namespace mlrun::data
