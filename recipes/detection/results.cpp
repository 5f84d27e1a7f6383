#include "recipes/detection/results.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include <torch/types.h>
#include <torch/utils.h>

#include "base/error.h"
#include "base/files.h"
#include "data/transforms/window.h"
#include "metrics/coco/results.h"
#include "recipes/detection/answer.h"
#include "recipes/detection/samples.h"
#include "report/format.h"

namespace mlrun::detection {
namespace {

namespace fs = std::filesystem;

constexpr double kLeastShare = 1e-6;  // of an image's side: nothing can be learnt from smaller boxes

/// Numbers for image files: those that their names are (COCO's are), or where one of them is none, their places from 1.
std::vector<std::int64_t> numbers_of_files(const std::vector<fs::path>& names) {
  constexpr std::size_t kMostDigits = 18;
  std::vector<std::int64_t> numbers, places;
  std::set<std::int64_t> seen;
  bool named = true;
  for (const auto& name : names) {
    places.push_back(static_cast<std::int64_t>(places.size()) + 1);
    const std::string text = name.filename().string();
    named = named && !text.empty() && text.size() <= kMostDigits &&
            text.find_first_not_of("0123456789") == std::string::npos && seen.insert(std::stoll(text)).second;
    if (named) numbers.push_back(std::stoll(text));
  }
  return named ? numbers : places;
}

class CocoWriter : public engine::ResultWriter {
 public:
  CocoWriter(const data::DataInfo& info, const engine::ResultTarget& target)
      : categories_(numbers_of_classes(info)), numbers_(numbers_of_files(target.names)), file_(target.place) {}

  void add(const engine::ResultSample& sample) override {
    const auto at = static_cast<std::size_t>(sample.row);
    const bool of_file = !numbers_.empty();
    metrics::CocoFound one;
    one.image =
        of_file ? numbers_.at(static_cast<std::size_t>(sample.batch.indices.at(at))) : image_number(sample.batch, at);
    const Found found = found_in(sample.prediction, at);
    const auto rows = rows_of(found);
    for (std::size_t k = 0; k < rows.size(); ++k) {
      one.category = categories_.at(rows[k].label);
      one.score = rows[k].score;
      one.shape = shape_of(found, k);
      file_.add(one, !one.shape.mask.counts.empty(),
                of_file ? fs::path(sample.batch.ids.at(at)).filename().string() : "");
    }
  }
  void commit() override { file_.commit(); }

 private:
  std::vector<std::int64_t> categories_, numbers_;
  metrics::CocoResultsFile file_;
};

class YoloWriter : public engine::ResultWriter {
 public:
  YoloWriter(engine::ResultTarget target, bool scored, double shown)
      : target_(std::move(target)), scored_(scored), shown_(shown) {}

  void add(const engine::ResultSample& sample) override {
    const auto at = static_cast<std::size_t>(sample.row);
    const torch::Tensor& image = list_of(sample.batch.inputs, "image").at(at);
    const auto height = static_cast<double>(image.size(1)), width = static_cast<double>(image.size(2));
    std::string text;
    for (const Row& row : rows_of(found_in(sample.prediction, at))) {
      const bool flat = (row.right - row.left) / width < kLeastShare || (row.bottom - row.top) / height < kLeastShare;
      if (!scored_ && (row.score < shown_ || flat)) continue;
      text += std::to_string(row.label);
      for (const double share : {(row.left + row.right) / 2 / width, (row.top + row.bottom) / 2 / height,
                                 (row.right - row.left) / width, (row.bottom - row.top) / height}) {
        text += " " + report::fixed(share, 6);
      }
      text += (scored_ ? " " + report::fixed(row.score, 6) : "") + "\n";
    }
    const fs::path& name = target_.names.at(static_cast<std::size_t>(sample.batch.indices.at(at)));
    const fs::path file = target_.place / (name.string() + ".txt");
    make_directories(file.parent_path());
    write_file(file, text);
  }
  void commit() override { make_directories(target_.place); }

 private:
  engine::ResultTarget target_;
  bool scored_;
  double shown_;
};

}  // namespace

std::vector<std::int64_t> numbers_of_classes(const data::DataInfo& info) {
  if (info.facts.contains("category_ids")) return info.facts.at("category_ids").get<std::vector<std::int64_t>>();
  std::vector<std::int64_t> numbers;
  for (std::size_t i = 0; i < info.classes.size(); ++i) numbers.push_back(static_cast<std::int64_t>(i) + 1);
  return numbers;
}

std::int64_t image_number(const data::Batch& batch, std::size_t row) {
  if (!batch.targets.has("image_id")) return batch.indices.at(row) + 1;
  return list_of(batch.targets, "image_id").at(row).item<std::int64_t>();
}

std::vector<engine::ResultForm> result_forms() {
  return {{"coco", false}, {"yolo", /*folder=*/true}, {"yolo_scores", /*folder=*/true}};
}

std::unique_ptr<engine::ResultWriter> write_results(const data::DataInfo& info, const engine::ResultTarget& target,
                                                    double shown) {
  if (target.form == "coco") return std::make_unique<CocoWriter>(info, target);
  return std::make_unique<YoloWriter>(target, target.form == "yolo_scores", shown);
}

bool keeps_places(const data::TransformFactory& transforms, const std::vector<config::Component>& list,
                  const data::TransformContext& context) {
  constexpr std::int64_t kHeight = 2048, kWidth = 3072;
  data::Window window(kHeight, kWidth);
  KeyedRandom random(0, "places");
  for (const auto& component : list) {
    for (const auto& transform : transforms.make(component, context)) transform->plan(window, random);
  }
  return window.trivial();
}

}  // namespace mlrun::detection
