#include "data/boxes/coco_writer.h"

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <utility>

#include <torch/types.h>

#include "base/error.h"
#include "base/files.h"
#include "data/sources/boxed/boxed_images.h"
#include "data/sources/boxed/target_source.h"
#include "report/format.h"

namespace mlrun::data {
namespace {

/// The shortest decimal that reads back as the same float32.
double decimal(float value) {
  char text[40];
  for (int digits = 6; digits <= 9; ++digits) {
    std::snprintf(text, sizeof text, "%.*g", digits, static_cast<double>(value));
    if (std::strtof(text, nullptr) == value) break;
  }
  return std::strtod(text, nullptr);
}

/// What, added to `low` as float32, gives `high`.
double side(float low, float high) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const float plain = high - low;
  for (const float length : {plain, std::nextafter(plain, kInfinity), std::nextafter(plain, -kInfinity)}) {
    if (low + length == high) return decimal(length);
  }
  return decimal(plain);
}

/// Runs of a mask along its columns, as they stand in a file.
Json runs_json(const torch::Tensor& mask) {
  const torch::Tensor columns = mask.t().contiguous();
  const auto* pixel = columns.data_ptr<std::uint8_t>();
  Json counts = Json::array();
  std::int64_t length = 0;
  bool set = false;
  for (std::int64_t i = 0; i < columns.numel(); ++i) {
    if ((pixel[i] != 0) != set) {
      counts.push_back(length);
      set = !set;
      length = 0;
    }
    ++length;
  }
  counts.push_back(length);
  return {{"size", {mask.size(0), mask.size(1)}}, {"counts", std::move(counts)}};
}

class CocoWriter {
 public:
  CocoWriter(const DataInfo& info, const Source& source, const std::filesystem::path& path)
      : info_(info), source_(source), file_(path) {}

  /// How many boxes were written.
  std::int64_t write() {
    file_.write("{\"info\":" + json_text({{"description", info_.name}, {"version", "1.0"}}) + ",\n\"licenses\":[],\n");
    file_.write("\"categories\":" + json_text(categories()) + ",\n\"images\":[");
    for (std::int64_t i = 0; i < source_.size(); ++i) file_.write((i == 0 ? "\n" : ",\n") + json_text(image(i)));
    file_.write("],\n\"annotations\":[");
    for (std::int64_t i = 0; i < source_.size(); ++i) things(i);
    file_.write("]}\n");
    file_.commit();
    return written_;
  }

 private:
  Json category_id(std::size_t label) const {
    return info_.facts.contains("category_ids") ? info_.facts.at("category_ids").at(label) : Json(label + 1);
  }

  static std::int64_t image_id(const Fields& targets, std::int64_t index) {
    return targets.has("image_id") ? targets.tensor("image_id").item<std::int64_t>() : index + 1;
  }

  Json categories() const {
    Json list = Json::array();
    for (std::size_t i = 0; i < info_.classes.size(); ++i) {
      list.push_back({{"id", category_id(i)}, {"name", info_.classes[i]}});
      if (!info_.facts.contains("keypoints")) continue;
      Json skeleton = Json::array();
      for (const auto& line : info_.facts.value("skeleton", Json::array())) {
        skeleton.push_back({line.at(0).get<std::int64_t>() + 1, line.at(1).get<std::int64_t>() + 1});
      }
      list.back()["keypoints"] = info_.facts.at("keypoints");
      list.back()["skeleton"] = std::move(skeleton);
    }
    return list;
  }

  Json image(std::int64_t index) const {
    const SampleFacts facts = source_.facts(index);
    return {{"id", image_id(targets_at(source_, index), index)},
            {"file_name", facts.id},
            {"width", facts.width},
            {"height", facts.height}};
  }

  void things(std::int64_t index) {
    const Fields targets = targets_at(source_, index);
    const torch::Tensor boxes = targets.tensor("boxes").contiguous();
    for (std::int64_t i = 0; i < boxes.size(0); ++i) {
      file_.write((written_ == 0 ? "\n" : ",\n") + json_text(thing(targets, image_id(targets, index), i)));
      ++written_;
    }
  }

  Json thing(const Fields& targets, std::int64_t image, std::int64_t i) const {
    const torch::Tensor boxes = targets.tensor("boxes").contiguous();
    const float* const box = boxes.data_ptr<float>() + i * 4;
    const auto label = static_cast<std::size_t>(targets.tensor("labels")[i].item<std::int64_t>());
    Json json = {{"id", targets.tensor("object_ids")[i].item<std::int64_t>()},
                 {"image_id", image},
                 {"category_id", category_id(label)},
                 {"bbox", {decimal(box[0]), decimal(box[1]), side(box[0], box[2]), side(box[1], box[3])}},
                 {"area", targets.tensor("area")[i].item<double>()},
                 {"iscrowd", targets.tensor("crowd")[i].item<bool>() ? 1 : 0}};
    if (targets.has("difficult")) json["difficult"] = targets.tensor("difficult")[i].item<bool>() ? 1 : 0;
    if (targets.has("masks")) json["segmentation"] = runs_json(targets.tensor("masks")[i]);
    if (targets.has("keypoints")) add_keypoints(targets.tensor("keypoints")[i].contiguous(), json);
    return json;
  }

  static void add_keypoints(const torch::Tensor& points, Json& json) {
    Json list = Json::array();
    std::int64_t marked = 0;
    const auto* values = points.data_ptr<float>();
    for (std::int64_t k = 0; k < points.numel(); ++k) {
      list.push_back(decimal(values[k]));
      marked += k % 3 == 2 && values[k] > 0 ? 1 : 0;
    }
    json["keypoints"] = std::move(list);
    json["num_keypoints"] = marked;
  }

  const DataInfo& info_;
  const Source& source_;
  AtomicFile file_;
  std::int64_t written_ = 0;
};

}  // namespace

Findings write_coco(const DataSubject& subject, const CocoWriting& writing) {
  const DataInfo& info = subject.dataset->info();
  if (!has_boxes(info)) {
    throw file_error(subject.root, "holds no boxes (" + subject.format + ")",
                     "name the format with data.format=, as `mlrun list sources` shows those with boxes");
  }
  const auto source = subject.dataset->split(writing.split);
  const std::string name = split_name(writing.split);
  if (!source) {
    throw UserError("the data set has no " + name + " split", "choose another with --split, or set data.split");
  }
  const std::int64_t boxes = CocoWriter(info, *source, writing.file).write();
  Findings findings;
  findings.json = {{"file", writing.file.string()}, {"split", name}, {"images", source->size()}, {"boxes", boxes}};
  findings.text = writing.file.string() + ": " + report::grouped(source->size()) + " images of " + name + " with " +
                  report::grouped(boxes) + (boxes == 1 ? " box of " : " boxes of ") +
                  std::to_string(info.classes.size()) + (info.classes.size() == 1 ? " class\n" : " classes\n");
  return findings;
}

}  // namespace mlrun::data
