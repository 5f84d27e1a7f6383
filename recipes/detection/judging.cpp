#include "recipes/detection/judging.h"

#include <utility>

#include <torch/utils.h>

#include "metrics/coco/sample_boxes.h"
#include "recipes/detection/answer.h"
#include "recipes/detection/samples.h"

namespace mlrun::detection {
namespace {

using metrics::CocoError;

std::vector<metrics::CocoDetection> detections_of(const Found& found) {
  std::vector<metrics::CocoDetection> list;
  for (const Row& row : rows_of(found)) {
    metrics::CocoDetection one;
    one.category = row.label;
    one.score = row.score;
    one.shape.box = {row.left, row.top, row.right - row.left, row.bottom - row.top};
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace

std::size_t JudgedImage::false_alarms() const { return judgement.mistakes.size() - judgement.count(CocoError::Missed); }

JudgedImage judged_image(const data::Batch& batch, const data::Fields& prediction, std::size_t row, double shown) {
  const auto target = [&](const char* name) { return list_of(batch.targets, name).at(row).cpu(); };
  const Found all{list_of(prediction, "boxes").at(row).cpu(), list_of(prediction, "scores").at(row).cpu(),
                  list_of(prediction, "labels").at(row).cpu()};
  JudgedImage image;
  image.id = batch.ids.at(row), image.index = batch.indices.at(row);
  image.truth.boxes = target("boxes");
  image.truth.labels = target("labels");
  image.truth.scores = torch::ones(image.truth.boxes.size(0));
  image.single =
      batch.targets.has("crowd") ? target("crowd").logical_not() : torch::ones(image.truth.boxes.size(0), torch::kBool);
  image.found = of_score(all, shown);
  image.judgement =
      metrics::judge_image(metrics::CocoSettings::of(metrics::CocoKind::Boxes),
                           metrics::truths_in(batch, static_cast<std::int64_t>(row)), detections_of(image.found));
  return image;
}

std::vector<std::string> judged_columns() {
  return {"objects", "found", "right", "missed", "wrong_class", "wrong_place", "wrong_both", "twice", "nothing_there"};
}

std::vector<std::vector<Json>> judge(const data::Batch& batch, const data::Fields& prediction, double shown) {
  std::vector<std::vector<Json>> rows;
  for (std::size_t i = 0; i < batch.ids.size(); ++i) {
    const JudgedImage image = judged_image(batch, prediction, i, shown);
    std::vector<Json> numbers = {image.judgement.objects, image.found.boxes.size(0), image.judgement.right};
    for (const CocoError kind : {CocoError::Missed, CocoError::Class, CocoError::Place, CocoError::Both,
                                 CocoError::Twice, CocoError::Background}) {
      numbers.emplace_back(image.judgement.count(kind));
    }
    rows.push_back(std::move(numbers));
  }
  return rows;
}

}  // namespace mlrun::detection
