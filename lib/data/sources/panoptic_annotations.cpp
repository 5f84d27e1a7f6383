#include "data/sources/panoptic_annotations.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/json_items.h"
#include "data/problem_list.h"
#include "data/sources/json_fields.h"

namespace mlrun::data {
namespace {

constexpr std::int64_t kLargestSegment = (1 << 24) - 1;

class PanopticReader {
 public:
  explicit PanopticReader(const std::string& name) : name_(name), problems_(name) {}

  PanopticAnnotations read(std::string_view text) {
    const bool whole = parse_json_items(text, [this](const std::string& list, const Json& item) {
      if (!item.is_object()) return;
      if (list == "images") image(item);
      if (list == "categories") category(item);
      if (list == "annotations") annotation(item);
    });
    constexpr const char* kHint =
        "it is an object with the lists images, annotations (of segments_info) and categories";
    if (!whole) throw file_error(name_, "is no JSON of COCO's panoptic form", kHint);
    if (found_.images.empty() || found_.categories.empty()) problems_.check();
    if (found_.images.empty()) throw file_error(name_, "has no annotations of segments", kHint);
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
    files_.emplace(*id, *file);
  }

  void category(const Json& item) {
    const auto id = integer(item, "id");
    const auto name = text_of(item, "name");
    if (!id || !name) return problem("a category has no id or name", "give it both");
    if (!categories_.insert(*id).second)
      problem("the category " + std::to_string(*id) + " stands there twice", "remove one");
    PanopticCategory category{*id, *name, {}};
    const auto colour = item.find("color");
    if (colour != item.end() && colour->is_array() && colour->size() == 3) {
      std::string parts;
      for (const auto& part : *colour)
        parts += part.is_number_unsigned() ? std::to_string(part.get<std::uint64_t>()) + " " : "x";
      category.colour = parse_colour(parts);
    }
    found_.categories.push_back(std::move(category));
  }

  void annotation(const Json& item) {
    const auto id = integer(item, "image_id");
    const auto mask = text_of(item, "file_name");
    const auto segments = item.find("segments_info");
    if (!id || !mask || mask->empty() || segments == item.end() || !segments->is_array()) {
      return problem("an annotation has no image_id, file_name or segments_info", "give it all three");
    }
    PanopticImage image{*id, "", *mask, {}};
    for (const auto& segment : *segments) {
      const auto number = segment.is_object() ? integer(segment, "id") : std::nullopt;
      const auto category = segment.is_object() ? integer(segment, "category_id") : std::nullopt;
      if (!number || !category || *number < 0 || *number > kLargestSegment) {
        return problem(
            "a segment of the image " + std::to_string(*id) + " has no id of 0 to 16777215 or no category_id",
            "give it both");
      }
      image.segments.emplace(static_cast<std::int32_t>(*number), *category);
    }
    found_.images.push_back(std::move(image));
  }

  /// Sorts the images and finds their files.
  void join() {
    auto& images = found_.images;
    std::sort(images.begin(), images.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    for (std::size_t i = 0; i < images.size(); ++i) {
      const std::string title = "the image " + std::to_string(images[i].id);
      if (i > 0 && images[i].id == images[i - 1].id) problem(title + " has two annotations", "remove one");
      const auto file = files_.find(images[i].id);
      if (file == files_.end())
        problem(title + " has an annotation and is not listed", "there is none of this id in images");
      else images[i].file = file->second;
      for (const auto& [segment, category] : images[i].segments) {
        if (categories_.count(category) > 0) continue;
        problem(
            "segment " + std::to_string(segment) + " of " + title + " is of the category " + std::to_string(category),
            "there is none of this id");
      }
    }
  }

  std::string name_;
  ProblemList problems_;
  PanopticAnnotations found_;
  std::unordered_map<std::int64_t, std::string> files_;
  std::unordered_set<std::int64_t> categories_;
};

}  // namespace

PanopticAnnotations read_panoptic(std::string_view text, const std::string& name) {
  return PanopticReader(name).read(text);
}

}  // namespace mlrun::data
