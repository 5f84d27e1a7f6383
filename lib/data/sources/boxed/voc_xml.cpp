#include "data/sources/boxed/voc_xml.h"

#include <pugixml.hpp>

#include "data/shown_text.h"
#include "data/sources/boxed/xml_text.h"

namespace mlrun::data {
namespace {

class VocReader {
 public:
  VocReader(std::string_view text, const std::string& name, BoxProblems& problems)
      : text_(text), name_(name), lines_(text), problems_(problems) {}

  VocAnnotation read() {
    pugi::xml_document document;
    const auto parsed = document.load_buffer(text_.data(), text_.size());
    if (!parsed) {
      problem(parsed.offset, std::string("is no XML: ") + parsed.description(), "write it anew");
      return {};
    }
    const auto root = document.child("annotation");
    if (!root) {
      problem(0, "is no annotation of PASCAL VOC", "its outermost element is <annotation>");
      return {};
    }
    VocAnnotation found;
    found.filename = trimmed_text(root.child_value("filename"));
    if (const auto size = root.child("size")) read_size(size, found);
    for (const auto object : root.children("object")) read_object(object, found);
    return found;
  }

 private:
  void problem(std::ptrdiff_t place, const std::string& what, const std::string& hint) {
    problems_.add(name_, lines_.of(place), what, hint);
  }

  void read_size(const pugi::xml_node& size, VocAnnotation& found) {
    constexpr double kLargestSide = 1 << 20;
    const auto height = number_of(size.child_value("height")), width = number_of(size.child_value("width"));
    if (height && width && *height == 0 && *width == 0) return;  // tools write it where they do not know
    const auto fits = [](double side) {
      return side >= 1 && side <= kLargestSide && side == static_cast<double>(static_cast<std::int64_t>(side));
    };
    if (!height || !width || !fits(*height) || !fits(*width)) {
      return problem(size.offset_debug(), "has a size that no image can have",
                     "mend <width> and <height>, or leave <size> out");
    }
    found.height = static_cast<std::int64_t>(*height);
    found.width = static_cast<std::int64_t>(*width);
  }

  void read_object(const pugi::xml_node& node, VocAnnotation& found) {
    VocObject object;
    object.line = lines_.of(node.offset_debug());
    object.name = trimmed_text(node.child_value("name"));
    object.difficult = trimmed_text(node.child_value("difficult")) == "1";
    if (object.name.empty()) return problem(node.offset_debug(), "an object has no <name>", "name its class");
    const auto box = node.child("bndbox");
    if (!box) return problem(node.offset_debug(), title(object) + " has no <bndbox>", "give it one, or remove it");
    const char* const sides[] = {"xmin", "ymin", "xmax", "ymax"};
    for (std::size_t i = 0; i < 4; ++i) {
      const auto value = number_of(box.child_value(sides[i]));
      if (!value) {
        return problem(box.offset_debug(), title(object) + " has no number as <" + sides[i] + ">",
                       "<bndbox> has xmin, ymin, xmax and ymax in pixels");
      }
      object.box[i] = *value;
    }
    found.objects.push_back(std::move(object));
  }

  static std::string title(const VocObject& object) { return "'" + shown_text(object.name) + "'"; }

  std::string_view text_;
  std::string name_;
  Lines lines_;
  BoxProblems& problems_;
};

}  // namespace

VocAnnotation read_voc(std::string_view text, const std::string& name, BoxProblems& problems) {
  return VocReader(text, name, problems).read();
}

}  // namespace mlrun::data
