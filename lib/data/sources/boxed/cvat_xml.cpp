#include "data/sources/boxed/cvat_xml.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include <pugixml.hpp>

#include "data/shown_text.h"
#include "data/sources/boxed/cvat_mask.h"
#include "data/sources/boxed/xml_text.h"

namespace mlrun::data {
namespace {

constexpr double kLargestSide = 1 << 20;

class CvatReader {
 public:
  CvatReader(std::string_view text, const std::string& name, BoxProblems& problems)
      : text_(text), name_(name), lines_(text), problems_(problems) {}

  Cvat read() {
    pugi::xml_document document;
    const auto parsed = document.load_buffer(text_.data(), text_.size());
    if (!parsed) {
      problem(parsed.offset, std::string("is no XML: ") + parsed.description(), "export it anew");
      return {};
    }
    const auto root = document.child("annotations");
    if (!root) {
      problem(0, "is no annotation of CVAT",
              "its outermost element is <annotations>: export as CVAT for images or video");
      return {};
    }
    read_labels(root.child("meta"));
    for (const auto image : root.children("image")) read_image(image);
    for (const auto track : root.children("track")) read_track(track);
    for (auto& frame : frames_) found_.images.push_back(std::move(frame.second));
    return std::move(found_);
  }

 private:
  void problem(std::ptrdiff_t place, const std::string& what, const std::string& hint) {
    problems_.add(name_, lines_.of(place), what, hint);
  }

  /// Those of the task, the job or the project.
  void read_labels(const pugi::xml_node& meta) {
    for (const auto part : meta.children()) {
      for (const auto label : part.child("labels").children("label")) {
        const std::string name = trimmed_text(label.child_value("name"));
        const bool known = std::find(found_.labels.begin(), found_.labels.end(), name) != found_.labels.end();
        if (!name.empty() && !known && !label.child("parent")) found_.labels.push_back(name);
      }
      if (const auto size = part.child("original_size")) {
        height_ = side(size.child_value("height"));
        width_ = side(size.child_value("width"));
      }
    }
  }

  static std::int64_t side(std::string_view text) {
    const auto value = number_of(text);
    return value && *value >= 1 && *value <= kLargestSide ? static_cast<std::int64_t>(*value) : 0;
  }

  void read_image(const pugi::xml_node& node) {
    CvatImage image;
    image.name = trimmed_text(node.attribute("name").value());
    image.subset = node.attribute("subset").value();
    image.height = side(node.attribute("height").value());
    image.width = side(node.attribute("width").value());
    image.line = lines_.of(node.offset_debug());
    if (image.name.empty()) return problem(node.offset_debug(), "an image has no name", "name its file");
    for (const auto shape : node.children()) {
      if (auto object = read_shape(shape, shape.attribute("label").value(), image))
        image.objects.push_back(std::move(*object));
    }
    found_.images.push_back(std::move(image));
  }

  void read_track(const pugi::xml_node& track) {
    for (const auto shape : track.children()) {
      if (shape.attribute("outside").as_int() == 1) continue;
      const auto number = number_of(shape.attribute("frame").value());
      if (!number || *number < 0 || *number > 1e9) {
        problem(shape.offset_debug(), "a shape of a track has no frame", "it has the number of its frame");
        continue;
      }
      const auto frame = static_cast<std::int64_t>(*number);
      CvatImage& image = frames_.try_emplace(frame).first->second;
      image.frame = frame;
      image.height = height_;
      image.width = width_;
      if (image.line == 0) image.line = lines_.of(shape.offset_debug());
      if (auto object = read_shape(shape, track.attribute("label").value(), image))
        image.objects.push_back(std::move(*object));
    }
  }

  std::optional<NamedObject> read_shape(const pugi::xml_node& node, const char* label, const CvatImage& image) {
    const std::string kind = node.name();
    if (kind == "tag" || kind.empty()) return {};
    if (kind == "points" || kind == "polyline" || kind == "skeleton" || kind == "cuboid" || kind == "ellipse") {
      ++found_.others;
      return {};
    }
    NamedObject thing{trimmed_text(label), {}};
    thing.object.line = lines_.of(node.offset_debug());
    bool read = false;
    if (thing.name.empty()) problem(node.offset_debug(), "a " + kind + " has no label", "name its class");
    else if (kind == "box") read = read_box(node, thing);
    else if (kind == "polygon") read = read_polygon(node, thing);
    else if (kind == "mask") read = read_mask(node, image, thing);
    else problem(node.offset_debug(), "'" + shown_text(kind) + "' is no shape that is read", "remove it");
    return read ? std::optional(std::move(thing)) : std::nullopt;
  }

  bool numbers(const pugi::xml_node& node, const NamedObject& thing, const std::vector<const char*>& names,
               std::vector<double>& values) {
    for (const char* name : names) {
      const auto value = number_of(node.attribute(name).value());
      if (!value) {
        problem(node.offset_debug(), "'" + shown_text(thing.name) + "' has no number as " + name,
                "it has all of its sides");
        return false;
      }
      values.push_back(*value);
    }
    return true;
  }

  bool read_box(const pugi::xml_node& node, NamedObject& thing) {
    std::vector<double> sides;
    if (!numbers(node, thing, {"xtl", "ytl", "xbr", "ybr"}, sides)) return false;
    const auto turn = number_of(node.attribute("rotation").value());
    if (turn && *turn != 0) {
      problem(node.offset_debug(), "'" + shown_text(thing.name) + "' is a box that is turned", "draw it as a polygon");
      return false;
    }
    thing.object.box = {sides[0], sides[1], sides[2], sides[3]};
    return true;
  }

  bool read_polygon(const pugi::xml_node& node, NamedObject& thing) {
    std::vector<double> corners;
    const std::string points = node.attribute("points").value();
    bool good = !points.empty();
    for (std::size_t at = 0; good && at < points.size();) {
      const auto end = std::min(points.find_first_of(",;", at), points.size());
      const auto value = number_of(std::string_view(points).substr(at, end - at));
      if (value) corners.push_back(*value);
      good = value.has_value();
      at = end + 1;
    }
    auto outline = good ? outline_of(corners) : std::nullopt;
    if (!outline) {
      problem(node.offset_debug(), "'" + shown_text(thing.name) + "' is no polygon",
              "points are x,y;x,y;... of three corners or more");
      return false;
    }
    thing.object.outlines.push_back(std::move(*outline));
    auto& box = thing.object.box;
    box = {corners[0], corners[1], corners[0], corners[1]};
    for (std::size_t i = 0; i < corners.size(); ++i) {
      box[i % 2] = std::min(box[i % 2], corners[i]);
      box[2 + i % 2] = std::max(box[2 + i % 2], corners[i]);
    }
    return true;
  }

  bool read_mask(const pugi::xml_node& node, const CvatImage& image, NamedObject& thing) {
    std::vector<double> place;
    if (!numbers(node, thing, {"left", "top", "width", "height"}, place)) return false;
    const auto runs = cvat_mask(node.attribute("rle").value(), place, image.height, image.width);
    if (!runs) {
      problem(node.offset_debug(), "'" + shown_text(thing.name) + "' has a mask that is none",
              "its runs fill its width and height, which lie in the image");
      return false;
    }
    thing.object.runs = *runs;
    thing.object.box = {place[0], place[1], place[0] + place[2], place[1] + place[3]};
    return true;
  }

  std::string_view text_;
  std::string name_;
  Lines lines_;
  BoxProblems& problems_;
  Cvat found_;
  std::int64_t height_ = 0, width_ = 0;  // of the video
  std::map<std::int64_t, CvatImage> frames_;
};

}  // namespace

Cvat read_cvat(std::string_view text, const std::string& name, BoxProblems& problems) {
  return CvatReader(text, name, problems).read();
}

}  // namespace mlrun::data
