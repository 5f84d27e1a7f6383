#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"
#include "base/log.h"
#include "data/boxes/mask_runs.h"
#include "data/sources/boxed/target_source.h"
#include "metrics/coco/results.h"
#include "recipes/detection/details.h"
#include "recipes/detection/results.h"
#include "recipes/detection/samples.h"
#include "report/format.h"

namespace mlrun::detection {
namespace {

constexpr std::uint64_t kLargestResults = std::uint64_t{1} << 33U;  // bytes
constexpr std::size_t kNamedCategories = 5;

class Truths : public data::Source {
 public:
  explicit Truths(std::shared_ptr<const data::Source> raw) : raw_(std::move(raw)) {}
  std::int64_t size() const override { return raw_->size(); }
  data::SampleFacts facts(std::int64_t index) const override { return raw_->facts(index); }
  data::Sample get(const data::SampleKey& key) const override {
    return {raw_->facts(key.index).id, key.index, {}, data::targets_at(*raw_, key.index)};
  }

 private:
  std::shared_ptr<const data::Source> raw_;
};

/// What a file says of one image.
struct ImageResults {
  std::vector<float> corners;
  std::vector<double> shapes, scores;  ///< four and one for each box, as the file has them
  std::vector<std::int64_t> labels;
  std::vector<data::RunLengths> masks;
  std::vector<double> keypoints;
};

template <class Number>
torch::Tensor rows_from(const std::vector<Number>& numbers, std::int64_t columns) {
  const torch::Tensor all =
      torch::tensor(c10::ArrayRef<Number>(numbers), torch::TensorOptions(c10::CppTypeToScalarType<Number>::value));
  return columns == 1 ? all : all.view({-1, columns});
}

class CocoReader : public engine::ReadResults {
 public:
  CocoReader(std::unordered_map<std::int64_t, ImageResults> images, const Details& details, std::string file)
      : images_(std::move(images)), details_(details), file_(std::move(file)) {}

  data::Fields of(const data::Batch& batch) const override {
    std::vector<torch::Tensor> boxes, shapes, scores, labels, masks, keypoints;
    const bool masked = details_.masks && batch.targets.has("masks");  // and so evaluated
    for (std::size_t row = 0; row < batch.ids.size(); ++row) {
      const std::int64_t number = image_number(batch, row);
      const ImageResults& image = images_.at(number);
      boxes.push_back(rows_from(image.corners, 4));
      shapes.push_back(rows_from(image.shapes, 4));
      scores.push_back(rows_from(image.scores, 1));
      labels.push_back(rows_from(image.labels, 1));
      if (masked) masks.push_back(masks_of(image, list_of(batch.targets, "masks").at(row), number));
      if (details_.keypoints > 0) keypoints.push_back(rows_from(image.keypoints, 3).view({-1, details_.keypoints, 3}));
    }
    data::Fields fields = {{"boxes", boxes}, {"scores", scores}, {"labels", labels}, {"xywh", shapes}};
    if (masked) fields.set("masks", masks);
    if (details_.keypoints > 0) fields.set("keypoints", keypoints);
    return fields;
  }

 private:
  /// As `Task::predict` gives them; they have the size of the `truth`, [n, H, W].
  torch::Tensor masks_of(const ImageResults& image, const torch::Tensor& truth, std::int64_t number) const {
    const auto side = [](std::int64_t height, std::int64_t width) {
      return std::to_string(height) + " x " + std::to_string(width);
    };
    for (const auto& mask : image.masks) {
      if (mask.height == truth.size(1) && mask.width == truth.size(2)) continue;
      throw file_error(file_,
                       "a segmentation of the image " + std::to_string(number) + " has " +
                           side(mask.height, mask.width) + " pixels, and the image has " +
                           side(truth.size(1), truth.size(2)),
                       "`size` is the image's height and width");
    }
    return data::packed_runs(image.masks);
  }

  std::unordered_map<std::int64_t, ImageResults> images_;
  Details details_;
  std::string file_;
};

/// What the file has beside boxes. UserError where things do not have as many keypoints as those of the data.
Details details_in(const std::string& file, const metrics::CocoResults& results, const data::DataInfo& info) {
  Details details{results.masks};
  if (!results.keypoints) return details;
  constexpr std::size_t kNumbers = 3;  // of a keypoint
  const std::size_t first = results.found.front().shape.keypoints.size() / kNumbers;
  const std::size_t each = info.facts.value("keypoint_count", first);
  for (std::size_t i = 0; i < results.found.size(); ++i) {
    const std::size_t count = results.found[i].shape.keypoints.size() / kNumbers;
    if (count == each) continue;
    throw file_error(
        file,
        "result " + std::to_string(i + 1) + " has " + std::to_string(count) + " keypoints, not " + std::to_string(each),
        "give each as many as things of the data have: x, y and visibility in turn");
  }
  details.keypoints = static_cast<std::int64_t>(each);
  return details;
}

/// Those of known categories alone.
ImageResults known_results(const std::vector<metrics::CocoDetection>& found, const std::vector<std::int64_t>& classes) {
  ImageResults image;
  for (const auto& one : found) {
    if (one.category >= classes.size()) continue;
    const metrics::CocoBox& box = one.shape.box;
    for (const double side : {box.x, box.y, box.x + box.width, box.y + box.height}) {
      image.corners.push_back(static_cast<float>(side));
    }
    image.shapes.insert(image.shapes.end(), {box.x, box.y, box.width, box.height});
    image.scores.push_back(one.score);
    image.labels.push_back(classes[one.category]);
    if (!one.shape.mask.counts.empty()) image.masks.push_back(one.shape.mask);
    image.keypoints.insert(image.keypoints.end(), one.shape.keypoints.begin(), one.shape.keypoints.end());
  }
  return image;
}

/// Tells of results of categories that are none of `classes`, by their numbers.
void tell_unknown(const std::string& file, const metrics::CocoResults& results,
                  const std::map<std::int64_t, std::int64_t>& classes) {
  std::set<std::int64_t> unknown;
  std::size_t count = 0;
  for (const auto& one : results.found) {
    if (classes.count(one.category) > 0) continue;
    unknown.insert(one.category);
    ++count;
  }
  if (count == 0) return;
  std::string numbers;
  std::size_t told = 0;
  for (const auto number : unknown) {
    if (told++ < kNamedCategories) numbers += (numbers.empty() ? "" : ", ") + std::to_string(number);
  }
  if (unknown.size() > kNamedCategories) numbers += ", ...";
  const std::string first = std::to_string(classes.begin()->first), last = std::to_string(classes.rbegin()->first);
  const std::string known = classes.size() == 1 ? first : first + " to " + last;
  if (count == results.found.size()) {
    throw file_error(file, "all its results are of categories that the data do not have (" + numbers + ")",
                     "category_id is the id that the annotations give the class, here " + known);
  }
  log::warning(file + ": " + report::grouped(static_cast<std::int64_t>(count)) + " of " +
               report::grouped(static_cast<std::int64_t>(results.found.size())) +
               " results are of categories that the data do not have (" + numbers + ") and are left out");
}

}  // namespace

std::shared_ptr<const data::Source> targets_alone(std::shared_ptr<const data::Source> raw) {
  return raw ? std::make_shared<Truths>(std::move(raw)) : nullptr;
}

std::unique_ptr<engine::ReadResults> read_results(const std::filesystem::path& file, const data::DataInfo& info,
                                                  const data::Source& truths) {
  metrics::CocoResults results = metrics::read_coco_results(read_file(file, kLargestResults), file.string());
  std::map<std::int64_t, std::int64_t> classes;  // by their numbers
  for (const auto number : numbers_of_classes(info)) classes.emplace(number, classes.size());
  tell_unknown(file.string(), results, classes);
  const Details details = details_in(file.string(), results, info);
  std::vector<std::int64_t> images, numbers, positions;
  for (const auto& [number, position] : classes) numbers.push_back(number), positions.push_back(position);
  for (std::int64_t i = 0; i < truths.size(); ++i) {
    const data::Fields targets = truths.get({i, 0, 0}).targets;
    images.push_back(targets.has("image_id") ? targets.tensor("image_id").item<std::int64_t>() : i + 1);
  }
  const auto found =
      metrics::detections_of(std::move(results), metrics::CocoKind::Boxes, images, numbers, file.string());
  std::unordered_map<std::int64_t, ImageResults> read;
  for (const auto& [image, list] : found) read.emplace(image, known_results(list, positions));
  return std::make_unique<CocoReader>(std::move(read), details, file.string());
}

}  // namespace mlrun::detection
