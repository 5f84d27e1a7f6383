#pragma once

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/files.h"
#include "base/json.h"
#include "data/image/run_lengths.h"
#include "metrics/coco/evaluation.h"
#include "support.h"

/// The cases of tests/fixtures/metrics/coco_eval.json.
namespace mlrun::test {

struct CocoCase {
  std::string name;
  metrics::CocoKind kind = metrics::CocoKind::Boxes;
  std::vector<std::int64_t> images;      ///< in the order of the file
  std::vector<std::int64_t> categories;  ///< ids, ascending
  std::map<std::int64_t, std::vector<metrics::CocoTruth>> truths;
  std::map<std::int64_t, std::vector<metrics::CocoDetection>> detections;
  Json found;    ///< what COCO's API says
  Json results;  ///< as they stand in a file

  void add_to(metrics::CocoEvaluation& evaluation, std::int64_t image) const {
    const auto there = truths.find(image);
    const auto what = detections.find(image);
    evaluation.add(image, there == truths.end() ? std::vector<metrics::CocoTruth>() : there->second,
                   what == detections.end() ? std::vector<metrics::CocoDetection>() : what->second);
  }
  metrics::CocoEvaluation evaluated() const {
    metrics::CocoEvaluation evaluation(metrics::CocoSettings::of(kind), categories.size());
    for (const auto image : images) add_to(evaluation, image);
    return evaluation;
  }
};

inline data::RunLengths coco_mask(const Json& shape, std::int64_t height, std::int64_t width) {
  if (shape.is_object()) {
    const Json& counts = shape.at("counts");
    return counts.is_string() ? *data::parse_runs(counts.get<std::string>(), height, width)
                              : *data::runs_of(counts.get<std::vector<std::uint32_t>>(), height, width);
  }
  std::vector<data::RunLengths> parts;
  for (const auto& part : shape) {
    parts.push_back(data::rasterised(*data::outline_of(part.get<std::vector<double>>()), height, width));
  }
  return data::united(parts);
}

inline metrics::CocoShape coco_shape(const Json& item, metrics::CocoKind kind, std::int64_t height,
                                     std::int64_t width) {
  metrics::CocoShape shape;
  if (item.contains("bbox")) {
    const Json& box = item.at("bbox");
    shape.box = {box[0].get<double>(), box[1].get<double>(), box[2].get<double>(), box[3].get<double>()};
  }
  if (kind == metrics::CocoKind::Masks) shape.mask = coco_mask(item.at("segmentation"), height, width);
  if (kind == metrics::CocoKind::Keypoints) shape.keypoints = item.at("keypoints").get<std::vector<double>>();
  return shape;
}

inline CocoCase coco_case(const Json& json) {
  using metrics::CocoKind;
  CocoCase one;
  one.name = json.at("name").get<std::string>();
  one.found = json.at("found");
  one.results = json.at("results");
  const auto kind = json.at("kind").get<std::string>();
  one.kind = kind == "bbox" ? CocoKind::Boxes : kind == "segm" ? CocoKind::Masks : CocoKind::Keypoints;
  std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> sizes;
  for (const auto& image : json.at("truth").at("images")) {
    one.images.push_back(image.at("id").get<std::int64_t>());
    sizes[one.images.back()] = {image.at("height").get<std::int64_t>(), image.at("width").get<std::int64_t>()};
  }
  for (const auto& category : json.at("truth").at("categories")) {
    one.categories.push_back(category.at("id").get<std::int64_t>());
  }
  std::sort(one.categories.begin(), one.categories.end());
  const auto place = [&](const Json& item) {
    const auto id = item.at("category_id").get<std::int64_t>();
    return static_cast<std::size_t>(std::lower_bound(one.categories.begin(), one.categories.end(), id) -
                                    one.categories.begin());
  };
  for (const auto& item : json.at("truth").at("annotations")) {
    const auto image = item.at("image_id").get<std::int64_t>();
    const bool ignored = item.contains("num_keypoints") && item.at("num_keypoints") == 0;
    one.truths[image].push_back({place(item), coco_shape(item, one.kind, sizes[image].first, sizes[image].second),
                                 item.at("area").get<double>(), item.at("iscrowd") == 1, ignored});
  }
  for (const auto& item : one.results) {
    const auto image = item.at("image_id").get<std::int64_t>();
    auto shape = coco_shape(item, one.kind, sizes[image].first, sizes[image].second);
    const double area = metrics::area_of(one.kind, shape);
    one.detections[image].push_back({place(item), item.at("score").get<double>(), std::move(shape), area});
  }
  return one;
}

inline const std::vector<CocoCase>& coco_cases() {
  static const std::vector<CocoCase> cases = [] {
    std::vector<CocoCase> list;
    const Json all = parse_json(read_file(fixture("metrics/coco_eval.json")));
    for (const auto& one : all.at("cases")) list.push_back(coco_case(one));
    return list;
  }();
  return cases;
}

inline const CocoCase& coco_case_of(const std::string& name) {
  for (const auto& one : coco_cases()) {
    if (one.name == name) return one;
  }
  throw InternalError(__FILE__, __LINE__, "no case " + name);
}

}  // namespace mlrun::test
