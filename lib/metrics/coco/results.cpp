#include "metrics/coco/results.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json_items.h"
#include "data/problem_list.h"
#include "data/sources/json_fields.h"

namespace mlrun::metrics {
namespace {

constexpr std::int64_t kLargestMaskSide = 1 << 20;

std::optional<std::vector<double>> plain_numbers(const Json& list) {
  if (!list.is_array()) return {};
  std::vector<double> numbers;
  for (const auto& value : list) {
    if (!value.is_number() || !std::isfinite(value.get<double>())) return {};
    numbers.push_back(value.get<double>());
  }
  return numbers;
}

std::optional<data::RunLengths> mask_of(const Json& shape) {
  const auto size = shape.find("size"), counts = shape.find("counts");
  if (!shape.is_object() || size == shape.end() || counts == shape.end()) return {};
  if (!size->is_array() || size->size() != 2 || !(*size)[0].is_number_unsigned() || !(*size)[1].is_number_unsigned()) {
    return {};
  }
  const auto height = (*size)[0].get<std::uint64_t>(), width = (*size)[1].get<std::uint64_t>();
  if (height < 1 || width < 1 || height > kLargestMaskSide || width > kLargestMaskSide ||
      height * width >= static_cast<std::uint64_t>(data::kMostRunPixels)) {
    return {};
  }
  const auto rows = static_cast<std::int64_t>(height), columns = static_cast<std::int64_t>(width);
  if (counts->is_string()) return data::parse_runs(counts->get_ref<const std::string&>(), rows, columns);
  if (!counts->is_array()) return {};
  std::vector<std::uint32_t> list;
  for (const auto& count : *counts) {
    if (!count.is_number_unsigned() || count.get<std::uint64_t>() > static_cast<std::uint64_t>(data::kMostRunPixels))
      return {};
    list.push_back(count.get<std::uint32_t>());
  }
  return data::runs_of(list, rows, columns);
}

class ResultsReader {
 public:
  explicit ResultsReader(const std::string& name) : name_(name), problems_(name) {}

  CocoResults read(std::string_view text) {
    const bool whole = parse_json_list(text, [this](const Json& item) { take(item); });
    if (!whole) {
      throw file_error(name_, "is no list of results in COCO's form",
                       "it is JSON, [{\"image_id\": 1, \"category_id\": 1, \"bbox\": [x, y, width, height], "
                       "\"score\": 0.9}, ...], and has no NaN");
    }
    problems_.check();
    return std::move(results_);
  }

 private:
  void problem(const std::string& what, const std::string& hint) {
    problems_.add(0, "result " + std::to_string(number_) + " " + what, hint);
  }

  void take(const Json& item) {
    ++number_;
    if (!item.is_object()) return problem("is no object", "it has image_id, category_id, score and bbox or the like");
    CocoFound found;
    const auto image = data::integer(item, "image_id"), category = data::integer(item, "category_id");
    const auto score = item.find("score");
    if (!image) return problem("has no image_id that is a number", "it is the id that the annotations give the image");
    if (!category)
      return problem("has no category_id that is a number", "it is the id that the annotations give the class");
    if (score == item.end() || !score->is_number() || !std::isfinite(score->get<double>())) {
      return problem("has no score that is a number", "give each the model's confidence");
    }
    found.image = *image, found.category = *category, found.score = score->get<double>();
    const auto box = item.find("bbox"), mask = item.find("segmentation"), points = item.find("keypoints");
    const bool has_box = box != item.end() && !(box->is_array() && box->empty());
    if (!agrees(has_box, mask != item.end(), points != item.end())) return;
    if (results_.boxes && !take_box(*box, found)) return;
    if (results_.masks && !take_mask(*mask, found)) return;
    if (results_.keypoints && !take_points(*points, found)) return;
    found.area = area_of(results_.boxes   ? CocoKind::Boxes
                         : results_.masks ? CocoKind::Masks
                                          : CocoKind::Keypoints,
                         found.shape);
    results_.found.push_back(std::move(found));
  }

  /// The first says what all have.
  bool agrees(bool box, bool mask, bool points) {
    if (number_ == 1) results_.boxes = box, results_.masks = mask, results_.keypoints = points;
    const char* lacks = results_.boxes && !box          ? "bbox"
                        : results_.masks && !mask       ? "segmentation"
                        : results_.keypoints && !points ? "keypoints"
                                                        : nullptr;
    if (lacks != nullptr)
      problem(std::string("has no ") + lacks, "the first result has one, and all must have the same");
    else if (!results_.boxes && !results_.masks && !results_.keypoints) {
      problem("has no bbox, segmentation or keypoints", "give all results one of them");
    } else return true;
    return false;
  }

  bool take_box(const Json& list, CocoFound& found) {
    const auto box = plain_numbers(list);
    if (box && box->size() == 4 && (*box)[2] >= 0 && (*box)[3] >= 0) {
      found.shape.box = {(*box)[0], (*box)[1], (*box)[2], (*box)[3]};
      return true;
    }
    problem("has a bbox that is none", "it is [x, y, width, height] in pixels, of the upper left corner");
    return false;
  }

  bool take_mask(const Json& shape, CocoFound& found) {
    if (auto mask = mask_of(shape)) {
      found.shape.mask = std::move(*mask);
      return true;
    }
    problem("has a segmentation that is none",
            "it has `size`, height and width, and `counts`, runs that fill it; polygons are for annotations");
    return false;
  }

  bool take_points(const Json& list, CocoFound& found) {
    auto points = plain_numbers(list);
    if (points && !points->empty() && points->size() % 3 == 0) {
      found.shape.keypoints = std::move(*points);
      return true;
    }
    problem("has keypoints that are none", "they are x, y and visibility in turn");
    return false;
  }

  std::string name_;
  data::ProblemList problems_;
  CocoResults results_;
  std::size_t number_ = 0;
};

}  // namespace

CocoResults read_coco_results(std::string_view text, const std::string& name) { return ResultsReader(name).read(text); }

std::unordered_map<std::int64_t, std::vector<CocoDetection>> detections_of(CocoResults results, CocoKind kind,
                                                                           const std::vector<std::int64_t>& images,
                                                                           const std::vector<std::int64_t>& categories,
                                                                           const std::string& name) {
  if (!results.found.empty() && !results.has(kind)) {
    const char* what = kind == CocoKind::Boxes ? "bbox" : kind == CocoKind::Masks ? "segmentation" : "keypoints";
    throw file_error(name, std::string("its results have no ") + what, "evaluate them as what they are");
  }
  std::unordered_map<std::int64_t, std::vector<CocoDetection>> detections;
  for (const std::int64_t image : images) detections[image];
  data::ProblemList problems(name);
  for (std::size_t i = 0; i < results.found.size(); ++i) {
    CocoFound& found = results.found[i];
    const auto image = detections.find(found.image);
    if (image == detections.end()) {
      problems.add(0, "result " + std::to_string(i + 1) + " is of the image " + std::to_string(found.image),
                   "the evaluated split has none of this id");
      continue;
    }
    const auto place = std::lower_bound(categories.begin(), categories.end(), found.category);
    const bool known = place != categories.end() && *place == found.category;
    const auto category =
        known ? static_cast<std::size_t>(place - categories.begin()) : std::numeric_limits<std::size_t>::max();
    image->second.push_back({category, found.score, std::move(found.shape), found.area});
  }
  problems.check();
  return detections;
}

std::string runs_text(const data::RunLengths& runs) {
  std::string text;
  for (std::size_t i = 0; i < runs.counts.size(); ++i) {
    std::int64_t value = runs.counts[i];
    if (i > 2) value -= runs.counts[i - 2];
    for (bool more = true; more;) {
      const auto part = static_cast<int>(value & 0x1F);
      value >>= 5;
      more = (part & 0x10) != 0 ? value != -1 : value != 0;
      text += static_cast<char>(48 + (more ? part | 0x20 : part));
    }
  }
  return text;
}

void CocoResultsFile::add(const CocoFound& found, bool masks, const std::string& file) {
  Json item = {{"image_id", found.image}, {"category_id", found.category}};
  if (!file.empty()) item["file_name"] = file;
  const CocoBox& box = found.shape.box;
  if (masks) {
    const data::RunLengths& mask = found.shape.mask;
    item["segmentation"] = {{"size", {mask.height, mask.width}}, {"counts", runs_text(mask)}};
  }
  if (!found.shape.keypoints.empty()) item["keypoints"] = found.shape.keypoints;
  const bool alone = !masks && found.shape.keypoints.empty();
  if (alone || box.width > 0 || box.height > 0) item["bbox"] = {box.x, box.y, box.width, box.height};
  item["score"] = found.score;
  file_.write((any_ ? ",\n" : "[") + json_text(item));
  any_ = true;
}

void CocoResultsFile::commit() {
  file_.write(any_ ? "]\n" : "[]\n");
  file_.commit();
}

}  // namespace mlrun::metrics
