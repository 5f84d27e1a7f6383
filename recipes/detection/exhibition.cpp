#include "recipes/detection/exhibition.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>
#include <torch/utils.h>

#include "data/boxes/mask_runs.h"
#include "data/image/overlay.h"
#include "data/image/thumbnail.h"
#include "metrics/worst.h"
#include "nn/boxes/box_ops.h"
#include "recipes/detection/answer.h"
#include "recipes/detection/samples.h"
#include "report/format.h"

namespace mlrun::detection {
namespace {

constexpr std::size_t kWorst = 12;
constexpr std::int64_t kPanelWidth = 900;  // pixels of two pictures
constexpr double kSameObject = 0.5;        // intersection over union

/// An image whose objects are not all found, or where there are more.
struct BadImage {
  std::string id;
  std::int64_t index = 0, missed = 0, false_alarms = 0;
  Found truth, found;
};

/// How many of the rows of `these`, in their order, have one of the same class in `those` that no other row took.
std::int64_t matched(const Found& these, const Found& those) {
  const torch::Tensor same = these.labels.unsqueeze(1) == those.labels;
  torch::Tensor free = (nn::box_iou(these.boxes, those.boxes) >= kSameObject) & same;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < free.size(0) && free.size(1) > 0; ++i) {
    const auto [any, place] = free[i].max(0);
    if (!any.item<bool>()) continue;
    ++count;
    free.select(1, place.item<std::int64_t>()).zero_();
  }
  return count;
}

/// Whether masks are of the picture's size: those of a file of results are not where data.preprocess resizes.
bool fits(const Found& found, const torch::Tensor& picture) {
  return std::all_of(found.shapes.begin(), found.shapes.end(), [&picture](const data::RunLengths& mask) {
    return mask.height == picture.size(0) && mask.width == picture.size(1);
  });
}

class DetectorExhibition : public engine::Exhibition {
 public:
  DetectorExhibition(engine::Task& task, double shown) : task_(task), shown_(shown), worst_(kWorst) {}

  void see(const data::Batch& batch, const data::Fields& prediction) override {
    if (!batch.targets.has("boxes")) return;
    for (std::size_t i = 0; i < batch.ids.size(); ++i) {
      const torch::Tensor single = list_of(batch.targets, "crowd")[i].logical_not().cpu();
      BadImage image;
      image.id = batch.ids[i], image.index = batch.indices[i];
      image.truth.boxes = list_of(batch.targets, "boxes")[i].cpu().index({single});
      image.truth.labels = list_of(batch.targets, "labels")[i].cpu().index({single});
      image.truth.scores = torch::ones(image.truth.boxes.size(0));
      image.found = of_score(found_in(prediction, i), shown_);
      const std::int64_t right = matched(image.found, image.truth);
      image.missed = image.truth.boxes.size(0) - right;
      image.false_alarms = image.found.boxes.size(0) - right;
      const auto wrong = static_cast<double>(image.missed + image.false_alarms);
      if (wrong == 0 || !worst_.wants(wrong)) continue;
      if (prediction.has("masks") && batch.targets.has("masks")) {
        image.truth.shapes = data::runs_of_masks(list_of(batch.targets, "masks")[i].cpu().index({single}));
      }
      if (prediction.has("keypoints") && batch.targets.has("keypoints")) {
        image.truth.keypoints = list_of(batch.targets, "keypoints")[i].cpu().index({single});
      }
      worst_.add(wrong, std::move(image));
    }
  }

  std::vector<report::Section> of_evaluation(const engine::Evaluation& evaluation,
                                             const data::Source& source) override {
    std::vector<report::Section> sections;
    for (const auto& exhibit : evaluation.exhibits) {
      sections.push_back({exhibit.title.empty() ? exhibit.name : exhibit.title, "", {exhibit}});
    }
    const report::Thumbnails images = bad_images(source);
    if (images.empty()) return sections;
    sections.push_back(
        {"Worst images",
         "Those with the most objects missed and boxes too many: what is there, what the model found with a "
         "score of at least " +
             report::shortest(shown_) + ".",
         {{"worst", "", images}}});
    return sections;
  }

  std::string caption(const data::SampleFacts&) const override { return ""; }

  std::vector<std::pair<std::string, std::string>> data_facts() const override {
    return {{"classes", std::to_string(task_.data().classes.size())},
            {"channels", std::to_string(task_.data().channels)}};
  }

  std::vector<report::Exhibit> data_exhibits() override {
    report::Table table({{"split", report::Align::Left}, {"images"}});
    for (const auto split : {data::Split::Train, data::Split::Val, data::Split::Test}) {
      if (const auto source = task_.evaluation_source(split)) {
        table.add({data::split_name(split), report::grouped(source->size())});
      }
    }
    return {{"samples", "", table}};
  }

 private:
  report::Thumbnails bad_images(const data::Source& source) const {
    report::Thumbnails thumbnails;
    for (const BadImage& bad : worst_.list()) {
      const auto picture = task_.picture(source.get({bad.index, 0, 0}), false);
      if (!picture || picture->size(2) == 2 || picture->size(2) > 3) continue;
      if (!fits(bad.truth, *picture) || !fits(bad.found, *picture)) continue;
      const torch::Tensor panel = data::beside(
          {drawn(task_.data(), bad.truth, *picture, false), drawn(task_.data(), bad.found, *picture, true)});
      thumbnails.push_back(
          {data::thumbnail_uri(panel, kPanelWidth),
           {std::to_string(bad.missed) + " missed, " + std::to_string(bad.false_alarms) + " too many", bad.id},
           true});
    }
    return thumbnails;
  }

  engine::Task& task_;
  double shown_;
  metrics::Worst<BadImage> worst_;
};

}  // namespace

std::unique_ptr<engine::Exhibition> make_exhibition(engine::Task& task, double shown) {
  return std::make_unique<DetectorExhibition>(task, shown);
}

}  // namespace mlrun::detection
