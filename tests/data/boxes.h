#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "base/json.h"
#include "data/masks.h"
#include "data/sources/source.h"
#include "support.h"

/// Images with boxes for tests.
namespace mlrun::test {

/// A black PNG of this size.
inline std::string blank_png(std::int64_t width, std::int64_t height) {
  return grey_png(std::vector<std::uint8_t>(static_cast<std::size_t>(height * width)), width);
}

/// COCO's form with images `1.png` (20 x 10) and `2.png` (8 x 8), numbered 1 and 2, and the categories 7 (cat) and 3
/// (dog).
inline Json coco_json(const Json& annotations) {
  const Json list = annotations.is_object() ? Json::array({annotations}) : annotations;
  return {{"images",
           {{{"id", 2}, {"file_name", "2.png"}, {"height", 8}, {"width", 8}},
            {{"id", 1}, {"file_name", "1.png"}, {"height", 10}, {"width", 20}}}},
          {"annotations", list},
          {"categories", {{{"id", 7}, {"name", "cat"}}, {{"id", 3}, {"name", "dog"}}}}};
}

inline Json coco_box(std::int64_t id, std::int64_t image, std::int64_t category, const Json& box) {
  return {{"id", id}, {"image_id", image}, {"category_id", category}, {"bbox", box}};
}

/// A segmentation of one polygon.
inline Json coco_polygon(const std::vector<double>& corners) {
  Json polygons = Json::array();
  polygons.push_back(corners);
  return polygons;
}

/// The images of `coco_json` in `folder`.
inline void write_coco_images(const TempDir& folder, const std::string& place) {
  folder.write(place + "/1.png", blank_png(20, 10));
  folder.write(place + "/2.png", blank_png(8, 8));
}

inline data::Fields targets_at(const data::Dataset& data, data::Split split, std::int64_t index) {
  return data.split(split)->get({index, 0, 0}).targets;
}

/// An annotation of PASCAL VOC's with objects of (class, xmin, ymin, xmax, ymax), each on three lines.
struct VocThing {
  std::string name;
  std::vector<std::string> sides;
  bool difficult = false;
};

inline std::string voc_xml(const std::string& file, const std::string& size, const std::vector<VocThing>& things) {
  std::string text = "<annotation>\n<filename>" + file + "</filename>\n" + size + "\n";
  for (const auto& thing : things) {
    text +=
        "<object><name>" + thing.name + "</name>" + (thing.difficult ? "<difficult>1</difficult>" : "") + "\n<bndbox>";
    const char* const names[] = {"xmin", "ymin", "xmax", "ymax"};
    for (std::size_t i = 0; i < thing.sides.size(); ++i) {
      text += std::string("<") + names[i] + ">" + thing.sides[i] + "</" + names[i] + ">";
    }
    text += "</bndbox>\n</object>\n";
  }
  return text + "</annotation>\n";
}

inline std::string voc_size(std::int64_t width, std::int64_t height) {
  return "<size><width>" + std::to_string(width) + "</width><height>" + std::to_string(height) + "</height></size>";
}

}  // namespace mlrun::test
